package io.github.demitasse.compress.equalize;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Thread-safe: what lies between two convolutions and lets a factor per channel pass: operators f
 * with {@code f(s x) = s f(x)} for every positive s, channel by channel. Those are ReLU and its
 * leaky forms, pooling, resizing and cutting of pictures, and padding with zeros or with what is
 * there; not hard-swish, sigmoids or clipping.
 */
final class HomogeneousPath {
  private static final int CHANNEL_AXIS = 1;

  private final Model model;
  private final Map<String, Node> producers;
  private final Map<String, List<Node>> consumers;

  HomogeneousPath(Model model) {
    this.model = model;
    this.producers = model.graph().producers();
    this.consumers = model.graph().consumers();
  }

  /**
   * The value at the beginning of the path that ends in a value [n, channels, height, width]: the
   * value itself where nothing that lets factors pass makes it.
   */
  String origin(String value) {
    String origin = value;
    Node node = producers.get(origin);
    while (node != null && passes(node) && isReadOnceInside(node.input(0))) {
      origin = node.input(0);
      node = producers.get(origin);
    }
    return origin;
  }

  private boolean isReadOnceInside(String value) {
    return consumers.getOrDefault(value, List.of()).size() == 1
        && !model.graph().outputNames().contains(value);
  }

  private boolean passes(Node node) {
    if (!node.domain().isEmpty()) {
      return false;
    }
    return switch (node.operator()) {
      case "Relu", "LeakyRelu", "Identity", "AveragePool", "GlobalAveragePool", "GlobalMaxPool" ->
          true;
      case "PRelu" -> model.weights().containsKey(node.input(1));
      case "MaxPool" -> !node.hasOutput(1);
      case "Pad" -> padsPictures(node);
      case "Resize" -> resizesPictures(node);
      case "Slice" -> cutsPictures(node);
      default -> false;
    };
  }

  private boolean padsPictures(Node pad) {
    long[] pads = integers(pad, 1);
    boolean zeros =
        !pad.text("mode", "constant").equals("constant")
            || !pad.hasInput(2)
            || isZero(model.weights().get(pad.input(2)));
    return zeros
        && !pad.hasInput(3)
        && pads != null
        && pads.length == 8
        && pads[CHANNEL_AXIS] == 0
        && pads[pads.length / 2 + CHANNEL_AXIS] == 0;
  }

  private boolean cutsPictures(Node slice) {
    long[] axes = integers(slice, 3);
    return axes != null && Arrays.stream(axes).allMatch(axis -> axis > CHANNEL_AXIS);
  }

  private boolean resizesPictures(Node resize) {
    boolean everyAxis = resize.attributes().get("axes") == null;
    boolean extrapolates =
        resize.text("coordinate_transformation_mode", "half_pixel").equals("tf_crop_and_resize");
    float[] scales = resize.hasInput(2) ? floats(resize.input(2)) : null;
    return everyAxis
        && !extrapolates
        && scales != null
        && scales.length == 4
        && scales[CHANNEL_AXIS] == 1;
  }

  private boolean isZero(Weight weight) {
    if (weight == null || weight.elements() != 1) {
      return false;
    }
    try (Tensor tensor = weight.dequantize()) {
      return tensor.toFloats()[0] == 0;
    }
  }

  private long[] integers(Node node, int input) {
    boolean constant =
        node.hasInput(input) && model.weights().get(node.input(input)) instanceof DenseWeight;
    return constant
        ? ((DenseWeight) model.weights().get(node.input(input))).tensor().toLongs()
        : null;
  }

  private float[] floats(String name) {
    Weight weight = model.weights().get(name);
    if (weight == null) {
      return null;
    }
    try (Tensor tensor = weight.dequantize()) {
      return tensor.toFloats();
    }
  }
}
