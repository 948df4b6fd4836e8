"""Small recordings made by this project, and the generator of simulated series."""
