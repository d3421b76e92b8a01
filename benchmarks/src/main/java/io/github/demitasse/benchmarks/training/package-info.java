/**
 * A small trainer in plain Java that makes networks for the benchmarks: reproducible to the bit on
 * one JDK and instruction set, whatever the number of threads. It goes when the library trains
 * networks itself.
 */
package io.github.demitasse.benchmarks.training;
