/**
 * Graphs as exporters write them, turned into the operators that run fast.
 *
 * <p>{@link io.github.demitasse.graph.rewrite.Rewrites} is the way in. It first brings the model
 * into one form (one operator set, one precision, ONNX's own operators), then applies small classes
 * that each know one pattern and what takes its place ({@code Rewrite}), in a fixed order, until
 * none applies. They work on a {@code GraphEditor}, which knows producers, consumers, shapes and
 * constants and removes what nobody reads. Fixed trees of nodes are described with {@code Pattern};
 * where exporters vary the order of multiplications, {@code Product} undoes it.
 *
 * <p>To add one: write the class, put it into {@code Rewrites.standard} behind what has to be
 * cleared away first, test it alone with the variants that exporters write and with graphs that
 * only look like it, and add the pattern to {@code RewritesKeepMeaningTest}, which changes it at
 * random.
 */
package io.github.demitasse.graph.rewrite;
