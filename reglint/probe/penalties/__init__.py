"""What each regularizer adds to the loss."""
