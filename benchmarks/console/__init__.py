"""How fast pages of the console are, on a large folder of builds."""
