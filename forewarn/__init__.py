"""The command `forewarn`: it wires the other packages together and holds no logic of its own."""
