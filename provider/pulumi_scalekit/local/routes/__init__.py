"""What the local Scalekit serves: one module per noun."""
