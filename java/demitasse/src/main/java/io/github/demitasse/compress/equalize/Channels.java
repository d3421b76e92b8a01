package io.github.demitasse.compress.equalize;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;

/**
 * Immutable: which channels the elements of a layer's weight join: weight[in, out] of a linear
 * layer, or kernel[out, in / group, ..] of a convolution, depthwise ones among them. Where a
 * convolution's results become blocks of pixels, {@code outputs} are what is left, and one has
 * several of the kernel's.
 */
record Channels(boolean linear, int inputs, int outputs, int group, int taps) {

  /**
   * @param shape of the layer's weight
   */
  static Channels of(Node layer, long[] shape) {
    if (layer.is(Domains.DEMITASSE, FusedOperators.LINEAR)) {
      return new Channels(true, Math.toIntExact(shape[0]), Math.toIntExact(shape[1]), 1, 1);
    }
    long group = layer.integer("group", 1);
    if (group < 1 || shape[0] % group != 0) {
      throw new IllegalArgumentException(
          "layer '" + layer.name() + "': " + group + " groups do not divide " + shape[0]);
    }
    long block = FusedOperators.blockSize(layer);
    long taps = 1;
    for (int axis = 2; axis < shape.length; axis++) {
      taps *= shape[axis];
    }
    return new Channels(
        false,
        Math.toIntExact(shape[1] * group),
        Math.toIntExact(shape[0] / (block * block)),
        Math.toIntExact(group),
        Math.toIntExact(taps));
  }

  /** The output channel that an element of the weight serves. */
  int output(int element) {
    return (linear ? element : element / taps / (inputs / group)) % outputs;
  }

  /** The input channel that an element of the weight reads. */
  int input(int element) {
    if (linear) {
      return element / outputs;
    }
    int perGroup = inputs / group;
    int groupOfOutput = output(element) / (outputs / group);
    return groupOfOutput * perGroup + element / taps % perGroup;
  }

  /** Raises the largest magnitude behind each output channel to this weight's. */
  void rangesOfOutputs(float[] weight, float[] largest) {
    for (int i = 0; i < weight.length; i++) {
      int output = output(i);
      largest[output] = Math.max(largest[output], Math.abs(weight[i]));
    }
  }

  /** Raises the largest magnitude before each input channel to this weight's. */
  void rangesOfInputs(float[] weight, float[] largest) {
    for (int i = 0; i < weight.length; i++) {
      int input = input(i);
      largest[input] = Math.max(largest[input], Math.abs(weight[i]));
    }
  }

  void divideOutputs(float[] weight, float[] factors) {
    for (int i = 0; i < weight.length; i++) {
      weight[i] /= factors[output(i)];
    }
  }

  void multiplyInputs(float[] weight, float[] factors) {
    for (int i = 0; i < weight.length; i++) {
      weight[i] *= factors[input(i)];
    }
  }
}
