/** Demitasse makes neural networks small and runs them fast on the JVM. */
package io.github.demitasse;
