package io.github.demitasse.benchmarks.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Safe for threads that only read its parameters: layers one after the other, the last of which
 * gives a score for each class.
 *
 * @param parameters of each layer; training changes them in place
 */
public record Network(List<Layer> layers, List<float[]> parameters) {
  public Network {
    layers = List.copyOf(layers);
    parameters = List.copyOf(parameters);
    for (int i = 1; i < layers.size(); i++) {
      if (layers.get(i).inputs() != layers.get(i - 1).outputs()) {
        throw new IllegalArgumentException(
            layers.get(i - 1) + " does not give what " + layers.get(i) + " takes");
      }
    }
  }

  /** With random parameters. */
  public static Network random(List<Layer> layers, long seed) {
    Random random = new Random(seed);
    List<float[]> parameters = new ArrayList<>();
    for (Layer layer : layers) {
      float[] own = new float[layer.parameters()];
      layer.initialize(own, random);
      parameters.add(own);
    }
    return new Network(layers, parameters);
  }

  public int inputs() {
    return layers.get(0).inputs();
  }

  public int classes() {
    return layers.get(layers.size() - 1).outputs();
  }

  /** Zeros for the gradients of all parameters. */
  List<float[]> zeros() {
    return parameters.stream().map(own -> new float[own.length]).toList();
  }

  /** Scores as [batch][classes]. */
  public float[] scores(float[] inputs, int batch) {
    float[] values = inputs;
    for (int i = 0; i < layers.size(); i++) {
      values = layers.get(i).forward(parameters.get(i), values, batch).outputs();
    }
    return values;
  }

  /**
   * Adds the gradient of the summed cross-entropy of some examples.
   *
   * @param labels of the examples
   * @return the summed cross-entropy
   */
  double addGradient(float[] inputs, int[] labels, List<float[]> gradients) {
    List<Layer.Pass> passes = new ArrayList<>();
    float[] values = inputs;
    for (int i = 0; i < layers.size(); i++) {
      Layer.Pass pass = layers.get(i).forward(parameters.get(i), values, labels.length);
      passes.add(pass);
      values = pass.outputs();
    }
    float[] gradient = new float[values.length];
    double loss = CrossEntropy.of(values, labels, gradient);
    for (int i = layers.size() - 1; i >= 0; i--) {
      gradient = passes.get(i).backward(gradient, gradients.get(i), i > 0);
    }
    return loss;
  }
}
