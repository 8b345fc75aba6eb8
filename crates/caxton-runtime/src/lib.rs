//! Turns: the pure step function and the driver that performs its effects.
