"""The exit of a gas network party (R17 to R21): who still holds its certificates, and what is next.

Pure: acts of persons, facts of devices and the register go in, the state of a campaign comes out.
Nothing here asks a clock, sends anything to a device or revokes anything.
"""
