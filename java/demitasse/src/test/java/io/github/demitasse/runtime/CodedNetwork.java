package io.github.demitasse.runtime;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A model under construction; nodes are named by their results. */
final class CodedNetwork {
  // Scales whose inverses are exact, so that codes made in an epilogue and from floats are equal.
  static final float SCALE = 1 / 32f;
  static final int ZERO_POINT = 121;

  final ModelBuilder builder = new ModelBuilder().input("x", DataType.FLOAT32, "n", 3, "h", "w");
  final List<String> values = new ArrayList<>();
  private final Random random = new Random(3);

  String node(String operator, String to, Map<String, Attribute> attributes, String... from) {
    builder.node("", operator, List.of(from), List.of(to), attributes);
    values.add(to);
    return to;
  }

  String rounded(String value, float scale) {
    String to = value + "/" + scale;
    if (!values.contains(to)) {
      builder.fused(
          FusedOperators.FAKE_QUANTIZE,
          List.of(value),
          List.of(to),
          Map.of(
              "mode", Attribute.of("static"),
              "scale", Attribute.of(scale),
              "zero_point", Attribute.of(ZERO_POINT)));
      values.add(to);
    }
    return to;
  }

  String conv(String value, String to, int in, int out, int kernel) {
    return conv(value, SCALE, to, in, out, kernel);
  }

  String conv(String value, float scale, String to, int in, int out, int kernel) {
    byte[] codes = new byte[out * in * kernel * kernel];
    random.nextBytes(codes);
    float[] scales = new float[out];
    for (int i = 0; i < out; i++) {
      scales[i] = (1 + random.nextFloat()) / (100f * kernel * (float) Math.sqrt(in));
    }
    builder.weight(
        to + "/weight",
        new QuantizedWeight(
            Tensor.ofBytes(DataType.INT8, codes, out, in, kernel, kernel),
            Tensor.of(scales, out),
            null,
            new Granularity.PerChannel(0)));
    long half = kernel / 2;
    Attribute pads = Attribute.ofIntegers(List.of(half, half, half, half));
    return node("Conv", to, Map.of("pads", pads), rounded(value, scale), to + "/weight");
  }

  void integers(String name, long... values) {
    builder.weight(name, Tensor.of(values, values.length));
  }

  /** The attributes of a pooling over squares. */
  static Map<String, Attribute> window(long kernel, long stride, long padding) {
    return Map.of(
        "kernel_shape", Attribute.ofIntegers(List.of(kernel, kernel)),
        "strides", Attribute.ofIntegers(List.of(stride, stride)),
        "pads", Attribute.ofIntegers(List.of(padding, padding, padding, padding)));
  }
}
