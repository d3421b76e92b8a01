package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.TestModels;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Layers of a transformer with weights of few bits compute what their decoded weights say. */
class LowBitWeightsTest {
  private static final int INPUTS = 384;
  private static final int OUTPUTS = 200;
  private static final int ROWS = 21;

  @TempDir Path folder;

  static Stream<Arguments> weights() {
    Stream.Builder<Arguments> all = Stream.builder();
    Granularity[] granularities = {
      new Granularity.PerGroup(0, 16),
      new Granularity.PerGroup(0, 32),
      new Granularity.PerGroup(0, 128),
      new Granularity.PerGroup(0, 384),
      new Granularity.PerChannel(1),
      new Granularity.PerTensor()
    };
    DataType[] types = {
      DataType.INT4, DataType.UINT4, DataType.INT2, DataType.UINT2, DataType.INT8
    };
    for (Granularity granularity : granularities) {
      for (DataType type : types) {
        for (boolean asymmetric : new boolean[] {false, true}) {
          Weight weight = quantized(type, granularity, DataType.FLOAT16, asymmetric);
          all.add(Arguments.of(weight.encoding(), weight));
        }
      }
      Weight codebook = codebook(granularity);
      all.add(Arguments.of(codebook.encoding(), codebook));
      Weight binary = binary(granularity);
      all.add(Arguments.of(binary.encoding(), binary));
    }
    Weight wide = quantized(DataType.INT4, granularities[1], DataType.FLOAT32, false);
    all.add(Arguments.of(wide.encoding() + " float32 scales", wide));
    return all.build();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("weights")
  void floatRowsMeetTheDecodedWeights(String name, Weight weight) {
    float[] expected = run(model(new DenseWeight(weight.dequantize()), false));
    float[] actual = run(model(weight, false));
    assertArrayEquals(expected, actual, 2e-5f * largest(expected));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("weights")
  void quantizedRowsMeetTheDecodedWeights(String name, Weight weight) {
    assertTrue(WeightPacking.isInteger(weight, false));
    float[] expected = run(model(new DenseWeight(weight.dequantize()), false), rounded(rows()));
    float[] actual = run(model(weight, true));
    // A codebook is rounded to 8 bits for integer arithmetic.
    float bound = weight instanceof CodebookWeight ? 1e-2f : 2e-5f;
    assertArrayEquals(expected, actual, bound * largest(expected));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("weights")
  void filesKeepEveryBit(String name, Weight weight) {
    Model model = model(weight, true);
    Path file = folder.resolve("model.dmt");
    model.save(file);
    Model loaded = Model.load(file);
    TestModels.assertSame(model, loaded);
    assertArrayEquals(run(model), run(loaded));
  }

  @Test
  void aScaleThatIsNotFiniteIsRefusedWithTheLayersName() {
    Granularity granularity = new Granularity.PerGroup(0, 32);
    Random random = new Random(1);
    Tensor scales = scales(granularity, DataType.FLOAT32, 1, random);
    scales.buffer().putFloat(4 * (OUTPUTS + 3), Float.NaN);
    Weight weight =
        new QuantizedWeight(
            codes(DataType.INT4, random, INPUTS, OUTPUTS), scales, null, granularity);
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> run(model(weight, true)));
    assertTrue(refused.getMessage().contains("weight 'w' [384, 200], int4 group 32"));
    assertTrue(refused.getMessage().contains("group 1, channel 3 is not finite"));
  }

  private static Model model(Weight weight, boolean quantizedRows) {
    ModelBuilder builder =
        new ModelBuilder().input("x", DataType.FLOAT32, "rows", INPUTS).weight("w", weight);
    String x = "x";
    if (quantizedRows) {
      x = "codes";
      builder.fused(
          FusedOperators.FAKE_QUANTIZE,
          List.of("x"),
          List.of(x),
          Map.of("mode", Attribute.of("dynamic_row")));
    }
    return builder
        .random("b", OUTPUTS)
        .fused(
            FusedOperators.LINEAR,
            List.of(x, "w", "b"),
            List.of("y"),
            Map.of("activation", Attribute.of("gelu_erf")))
        .output("y", DataType.FLOAT32, "rows", OUTPUTS)
        .build();
  }

  private static float[] rows() {
    Random random = new Random(3);
    float[] x = new float[ROWS * INPUTS];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  /** Each row rounded to 256 levels over its range, as DynamicQuantizeLinear defines it. */
  private static float[] rounded(float[] x) {
    for (int row = 0; row < x.length; row += INPUTS) {
      float low = 0;
      float high = 0;
      for (int i = row; i < row + INPUTS; i++) {
        low = Math.min(low, x[i]);
        high = Math.max(high, x[i]);
      }
      float scale = (high - low) / 255;
      float zeroPoint = (float) Math.rint(-low / scale);
      for (int i = row; i < row + INPUTS; i++) {
        float steps = Math.max(-zeroPoint, Math.min(255 - zeroPoint, x[i] / scale));
        x[i] = (float) Math.rint(steps) * scale;
      }
    }
    return x;
  }

  private static float[] run(Model model) {
    return run(model, rows());
  }

  private static float[] run(Model model, float[] x) {
    try (Session session = Session.open(model);
        Tensor input = Tensor.of(x, ROWS, INPUTS)) {
      Tensor y = session.run(Map.of("x", input)).get("y");
      assertEquals(ROWS * OUTPUTS, y.elements());
      return y.toFloats();
    }
  }

  private static float largest(float[] values) {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertTrue(largest > 0 && Float.isFinite(largest));
    return largest;
  }

  private static Tensor scales(Granularity granularity, DataType type, float unit, Random random) {
    int count = Math.toIntExact(granularity.scaleCount(new long[] {INPUTS, OUTPUTS}));
    float[] scales = new float[count];
    for (int i = 0; i < count; i++) {
      scales[i] = i % 11 == 5 ? 0 : unit * (0.5f + random.nextFloat());
    }
    return Tensor.fromFloats(type, scales, count);
  }

  private static Tensor codes(DataType type, Random random, long... shape) {
    int count = 1;
    for (long size : shape) {
      count *= (int) size;
    }
    long low = type.name().startsWith("U") ? 0 : -1L << type.bits() - 1;
    long[] codes = new long[count];
    for (int i = 0; i < count; i++) {
      codes[i] = low + random.nextInt(1 << type.bits());
    }
    return Tensor.ofIntegers(type, codes, shape);
  }

  private static Weight quantized(
      DataType type, Granularity granularity, DataType scaleType, boolean asymmetric) {
    Random random = new Random(5);
    Tensor scales = scales(granularity, scaleType, 1f / (1 << type.bits()), random);
    return new QuantizedWeight(
        codes(type, random, INPUTS, OUTPUTS),
        scales,
        asymmetric ? codes(type, random, scales.elements()) : null,
        granularity);
  }

  private static Weight binary(Granularity granularity) {
    Random random = new Random(5);
    byte[] signs = new byte[INPUTS * OUTPUTS / 8];
    random.nextBytes(signs);
    return new BinaryWeight(
        Tensor.ofBytes(DataType.UINT8, signs, signs.length),
        INPUTS,
        OUTPUTS,
        scales(granularity, DataType.FLOAT16, 0.1f, random),
        granularity);
  }

  private static Weight codebook(Granularity granularity) {
    Random random = new Random(5);
    float[] entries = new float[CodebookWeight.ENTRIES];
    for (int i = 0; i < entries.length; i++) {
      entries[i] = (float) random.nextGaussian();
    }
    return new CodebookWeight(
        codes(DataType.UINT4, random, INPUTS, OUTPUTS),
        Tensor.of(entries, entries.length),
        scales(granularity, DataType.FLOAT16, 0.1f, random),
        granularity);
  }
}
