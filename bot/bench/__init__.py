"""What `supercharge bench` measures, one module per part."""
