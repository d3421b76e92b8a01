package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.format.onnx.OnnxWriter;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.runtime.ModelBuilder;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights in blocks of odd sizes, from others and our own, against ONNX Runtime. */
class MatMulNBitsTest {
  private static final int ROWS = 3;

  @TempDir Path folder;

  /** K, N, bits, block size, and the encoding that the weight is read as. */
  @ParameterizedTest
  @CsvSource({
    "64, 9, 4, 32, int4 group 32",
    "64, 9, 8, 32, int8 group 32",
    "48, 9, 4, 32, int4 group 16", // the last block is half full
    "80, 1, 4, 64, int4 group 16",
    "80, 7, 8, 32, int8 group 16",
    "37, 9, 4, 16, float32",
    "100, 5, 4, 128, float32",
    "37, 9, 8, 32, float32"
  })
  void whatOthersWriteIsRead(int inputs, int columns, int bits, int block, String encoding) {
    for (boolean zeroPoints : new boolean[] {false, true}) {
      Model model = foreign(inputs, columns, bits, block, zeroPoints);
      List<String> encodings =
          Rewrites.apply(model).weights().values().stream().map(Weight::encoding).toList();
      String expected =
          zeroPoints && !encoding.equals("float32") ? "u" + encoding + " asymmetric" : encoding;
      assertEquals(List.of(expected), encodings);
      compare(model, "foreign.onnx", OnnxWriter.GroupedWeights.DEQUANTIZE_LINEAR, inputs);
    }
  }

  private static Model foreign(int inputs, int columns, int bits, int block, boolean zeroPoints) {
    Random random = new Random(inputs + 31L * columns);
    int blocks = (inputs + block - 1) / block;
    byte[] codes = new byte[columns * blocks * block * bits / 8];
    random.nextBytes(codes);
    float[] scales = new float[columns * blocks];
    for (int i = 0; i < scales.length; i++) {
      scales[i] = 0.01f + random.nextFloat() * 0.1f;
    }
    ModelBuilder builder =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, ROWS, inputs)
            .output("y", DataType.FLOAT32, ROWS, columns)
            .weight(
                "codes", Tensor.ofBytes(DataType.UINT8, codes, columns, blocks, block * bits / 8))
            .weight("scales", Tensor.of(scales, scales.length));
    List<String> from = new ArrayList<>(List.of("x", "codes", "scales"));
    if (zeroPoints) {
      byte[] zeros = new byte[columns * ((blocks * bits + 7) / 8)];
      random.nextBytes(zeros);
      builder.weight("zeros", Tensor.ofBytes(DataType.UINT8, zeros, zeros.length));
      from.add("zeros");
    }
    Map<String, Attribute> attributes =
        Map.of(
            "K", Attribute.of(inputs),
            "N", Attribute.of(columns),
            "bits", Attribute.of(bits),
            "block_size", Attribute.of(block));
    return builder.node(Domains.MICROSOFT, "MatMulNBits", from, List.of("y"), attributes).build();
  }

  /** Both forms, symmetric and with zero points, come back as they were. */
  @Test
  void whatIsWrittenForOddSizesGivesTheSameAndComesBack() {
    Quantize int4 = Quantize.weights(NumberFormat.INT4);
    Quantize int8 = Quantize.weights(NumberFormat.INT8);
    for (int[] size : new int[][] {{37, 9}, {48, 1}, {144, 5}, {1, 3}}) {
      int inputs = size[0];
      Model model =
          new ModelBuilder()
              .input("x", DataType.FLOAT32, ROWS, inputs)
              .output("y", DataType.FLOAT32, ROWS, size[1])
              .random("w", inputs, size[1])
              .node("MatMul", List.of("x", "w"), "y")
              .build();
      List<Quantize> steps = new ArrayList<>(List.of(int4, int4.asymmetric()));
      if (inputs % 48 == 0) {
        steps.addAll(
            List.of(
                int4.group(16),
                int4.group(48),
                int4.group(16).asymmetric(),
                int8.group(16),
                int8.group(48).asymmetric()));
      }
      for (Quantize step : steps) {
        Model compressed = Compressor.on(model).apply(Recipe.of(step)).model();
        for (OnnxWriter.GroupedWeights form : OnnxWriter.GroupedWeights.values()) {
          Path file = compare(compressed, "own.onnx", form, inputs);
          Weight back = onlyWeight(Rewrites.apply(Model.load(file)));
          String what = step + " " + form + " " + inputs + " x " + size[1];
          assertArrayEquals(floats(onlyWeight(compressed)), floats(back), 1e-6f, what);
          assertInstanceOf(QuantizedWeight.class, back, what);
        }
      }
    }
  }

  private static Weight onlyWeight(Model model) {
    assertEquals(1, model.weights().size(), model.weights().keySet().toString());
    return model.weights().values().iterator().next();
  }

  private static float[] floats(Weight weight) {
    try (Tensor values = weight.dequantize()) {
      return values.toFloats();
    }
  }

  private Path compare(Model model, String name, OnnxWriter.GroupedWeights form, int inputs) {
    Path file = folder.resolve(name);
    OnnxWriter.write(model, file, OnnxWriter.Storage.AUTOMATIC, form);
    Random random = new Random(5);
    float[] values = new float[ROWS * inputs];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Map<String, Tensor> x = Map.of("x", Tensor.of(values, ROWS, inputs));
    float[] expected = OnnxRuntimeOracle.run(file, x).get("y");
    float largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (Model each : List.of(model, Model.load(file))) {
      try (Session session = Session.open(each);
          Tensor y = session.run(x).get("y")) {
        assertArrayEquals(expected, y.toFloats(), 1e-5f * largest, name);
      }
    }
    return file;
  }
}
