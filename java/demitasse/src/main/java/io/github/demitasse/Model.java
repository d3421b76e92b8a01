package io.github.demitasse;

import io.github.demitasse.format.ModelFormats;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.weight.Weight;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Immutable and safe to share between threads: a graph and its weights.
 *
 * <p>Weights of a loaded model are views of the mapped file: it must not be changed while the model
 * is in use.
 *
 * @param weights every constant of the graph by value name, in file order
 * @param metadata free text that travels with the model, such as the producer's name
 */
public record Model(Graph graph, Map<String, Weight> weights, Map<String, String> metadata) {
  public Model {
    weights = Collections.unmodifiableMap(new LinkedHashMap<>(weights));
    metadata = Map.copyOf(metadata);
  }

  /**
   * Reads a model; the format is told from the content.
   *
   * @throws ModelFormatException if the file is broken, naming the place
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  public static Model load(Path file) {
    return ModelFormats.read(file);
  }

  /**
   * Writes the model in the format that the file name's ending says (.dmt, .onnx). The file appears
   * complete or not at all.
   */
  public void save(Path file) {
    ModelFormats.write(this, file);
  }

  public Model withGraph(Graph newGraph) {
    return new Model(newGraph, weights, metadata);
  }

  public Model withWeights(Map<String, Weight> newWeights) {
    return new Model(graph, newWeights, metadata);
  }
}
