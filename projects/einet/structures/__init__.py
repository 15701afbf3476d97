"""What every other folder may use: id maps, segments, runs, limits, files."""
