"""What a person or program can ask for; one file each, for gateway and command line alike."""
