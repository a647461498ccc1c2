"""The registers: who the gas network parties are, and which meter points are theirs."""
