//! Convolutional trunks on dfdx, the seam to matrix layers, and training
