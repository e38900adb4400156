//! Differentiable matrix layers, and networks trained through them: library front and command line
