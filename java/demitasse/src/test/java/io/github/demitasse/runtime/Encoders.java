package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A transformer layer with embeddings in front and pooling behind, in fused operators. */
final class Encoders {
  static final int WIDTH = 32;
  static final int WORDS = 50;

  private Encoders() {}

  /** With float weights. */
  static Model encoder() {
    return encoder("");
  }

  /**
   * With INT8 weights, and activations quantized in such a mode, or with float weights for "".
   *
   * @param mode of FakeQuantize
   */
  static Model encoder(String mode) {
    ModelBuilder b =
        new ModelBuilder()
            .input("ids", DataType.INT64, "batch", "sequence")
            .input("mask", DataType.FLOAT32, "batch", 1, 1, "sequence")
            .output("hidden", DataType.FLOAT32, "batch", "sequence", WIDTH)
            .output("pooled", DataType.FLOAT32, "batch", WIDTH)
            .random("words", WORDS, WIDTH)
            .random("positions", 40, WIDTH)
            .random("gamma", WIDTH)
            .random("beta", WIDTH)
            .random("qkv.bias", 3 * WIDTH)
            .random("up.bias", 4 * WIDTH);
    b.node("Gather", List.of("words", "ids"), "word");
    b.fused("PositionEmbedding", List.of("word", "positions"), List.of("position"), Map.of());
    b.node("Add", List.of("word", "position"), "embedded");
    b.node("LayerNormalization", List.of("embedded", "gamma", "beta"), "normal");
    linear(b, mode, "normal", "qkv", 3 * WIDTH, WIDTH, "qkv.bias", "", "none");
    b.fused(
        "PackedAttention",
        List.of("qkv", "mask"),
        List.of("attended"),
        Map.of("heads", Attribute.of(4), "scale", Attribute.of(0.35f)));
    b.fused(
        "SkipLayerNormalization",
        List.of("attended", "normal", "gamma", "beta"),
        List.of("first"),
        Map.of("epsilon", Attribute.of(1e-12f)));
    linear(b, mode, "first", "up", 4 * WIDTH, WIDTH, "up.bias", "", "gelu_erf");
    linear(b, mode, "up", "hidden", WIDTH, 4 * WIDTH, "", "first", "none");
    b.fused("SequencePooling", List.of("hidden", ""), List.of("pooled"), Map.of());
    return b.build();
  }

  private static void linear(
      ModelBuilder b,
      String mode,
      String x,
      String y,
      int n,
      int k,
      String bias,
      String residual,
      String activation) {
    String weight = y + ".weight";
    String input = x;
    if (mode.isEmpty()) {
      b.random(weight, k, n);
    } else {
      b.weight(weight, int8(k, n));
      input = y + ".input";
      b.fused(
          "FakeQuantize",
          List.of(x),
          List.of(input),
          Map.of(
              "mode",
              Attribute.of(mode),
              "scale",
              Attribute.of(0.05f),
              "zero_point",
              Attribute.of(128)));
    }
    b.fused(
        "Linear",
        List.of(input, weight, bias, residual),
        List.of(y),
        Map.of("activation", Attribute.of(activation)));
  }

  static QuantizedWeight int8(int k, int n) {
    byte[] codes = new byte[k * n];
    new Random(k + n).nextBytes(codes);
    float[] scales = new float[n];
    for (int i = 0; i < n; i++) {
      scales[i] = 0.001f * (1 + i % 5);
    }
    return new QuantizedWeight(
        Tensor.ofBytes(DataType.INT8, codes, k, n),
        Tensor.of(scales, n),
        null,
        new Granularity.PerChannel(1));
  }

  /** Some sequences of one length, with every fifth token masked. */
  static Map<String, Tensor> inputs(int batch, int length) {
    Tensor ids = Tensor.allocate(DataType.INT64, batch, length);
    Tensor mask = Tensor.allocate(DataType.FLOAT32, batch, 1, 1, length);
    ByteBuffer idBytes = ids.buffer();
    ByteBuffer maskBytes = mask.buffer();
    for (int i = 0; i < batch * length; i++) {
      idBytes.putLong(8 * i, (i * 7L + length) % WORDS);
      maskBytes.putFloat(4 * i, i % 5 == 4 ? -1000 : 0);
    }
    return Map.of("ids", ids, "mask", mask);
  }
}
