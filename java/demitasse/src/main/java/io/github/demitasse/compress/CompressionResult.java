package io.github.demitasse.compress;

import io.github.demitasse.Model;

/** Immutable: the compressed model and what was done to get it. */
public record CompressionResult(Model model, Report report) {}
