package io.github.demitasse.compress.equalize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.CompressionResult;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.Report;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Sentences;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.compress.quantize.WeightScheme;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.TestModels;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EqualizationTest {
  private static final WeightScheme INT4 =
      new WeightScheme(NumberFormat.INT4, WeightScheme.Sharing.GROUP, 32, true);

  @TempDir static Path folder;
  private static Model model;
  private static Dataset data;

  @BeforeAll
  static void load() {
    model = Model.load(TestModels.resource("all-minilm-l6-v2.onnx", folder));
    data = Sentences.of(12, 20, 3);
  }

  private static CompressionResult apply(Step... steps) {
    return Compressor.on(model).calibration(data).apply(Recipe.of(steps));
  }

  private static boolean divides(Model equalized, String layer) {
    Map<String, Node> producers = equalized.graph().producers();
    for (Layer each : Layer.of(equalized)) {
      if (each.name().equals(layer)) {
        Node producer = producers.get(each.node().input(0));
        return producer != null && producer.is("Mul");
      }
    }
    throw new AssertionError("no layer " + layer);
  }

  @Test
  void theModelComputesWhatItDid() {
    for (Step step :
        List.of(
            new SmoothQuant(),
            new Awq(INT4, Selector.of("encoder.layer.0.*", "encoder.layer.5.*")),
            new CrossLayerEqualization(Selector.ALL))) {
      Report.Fidelity fidelity = apply(step).report().fidelity();
      assertTrue(fidelity.cosineMin() > 0.999999, step + ": " + fidelity);
    }
  }

  @Test
  void factorsGoIntoWhatComesBeforeWhereThatIsPossible() {
    Model smooth = apply(new SmoothQuant()).model();
    assertFalse(divides(smooth, "encoder.layer.0.attention.output.dense"), "values of attention");
    assertTrue(divides(smooth, "encoder.layer.0.output.dense"), "GELU cannot be scaled");
  }

  @Test
  void onlyWhatIsFreeIsEqualizedAcrossLayers() {
    Report report = apply(new CrossLayerEqualization(Selector.ALL)).report();
    for (Report.LayerReport layer : report.layers()) {
      boolean free = layer.name().endsWith("attention.output.dense");
      assertEquals(free, layer.reason().isEmpty(), layer.toString());
    }
  }

  @Test
  void rangesAreEqualOnBothSidesOfRelu() {
    Random random = new Random(4);
    float[] first = new float[8 * 6];
    float[] second = new float[6 * 5];
    for (int i = 0; i < first.length; i++) {
      first[i] = (float) (random.nextGaussian() * Math.pow(10, i % 6 - 3));
    }
    for (int i = 0; i < second.length; i++) {
      second[i] = (float) random.nextGaussian();
    }
    Graph graph =
        new Graph(
            "mlp",
            Map.of("", 17),
            List.of(new ValueInfo("x", DataType.FLOAT32, Shape.of(3, 8))),
            List.of(new ValueInfo("y", DataType.FLOAT32, Shape.of(3, 5))),
            List.of(
                Node.of("first", "MatMul", List.of("x", "v"), List.of("h")),
                Node.of("relu", "Relu", List.of("h"), List.of("r")),
                Node.of("second", "MatMul", List.of("r", "w"), List.of("y"))),
            Map.of());
    Map<String, Weight> weights =
        Map.of(
            "v", new DenseWeight(Tensor.of(first, 8, 6)),
            "w", new DenseWeight(Tensor.of(second, 6, 5)));
    float[] x = new float[24];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    CompressionResult result =
        Compressor.on(new Model(graph, weights, Map.of()))
            .calibration(Dataset.of(List.of(Map.of("x", Tensor.of(x, 3, 8)))))
            .apply(Recipe.of(new CrossLayerEqualization(Selector.ALL)));
    assertTrue(result.report().fidelity().cosineMin() > 0.999999);
    List<Layer> layers = Layer.of(result.model());
    float[] columns = new float[6];
    float[] before = layers.get(0).weight().dequantize().toFloats();
    for (int i = 0; i < before.length; i++) {
      columns[i % 6] = Math.max(columns[i % 6], Math.abs(before[i]));
    }
    assertArrayEquals(columns, RowRanges.ofAll(layers.subList(1, 2)), 1e-4f * columns[0] + 1e-3f);
  }

  @Test
  void staticRangesAreOfTheEqualizedActivations() {
    Quantize fixed =
        Quantize.weights(NumberFormat.INT8)
            .activations(NumberFormat.INT8)
            .calibrate(Percentile.of(99.99));
    double plain = apply(fixed).report().fidelity().cosineMean();
    double smooth = apply(new SmoothQuant(), fixed).report().fidelity().cosineMean();
    assertTrue(smooth > plain - 0.002 && smooth > 0.98, smooth + " against " + plain);
  }

  @Test
  void channelsThatAreAlwaysZeroKeepFiniteFactors() {
    float[] factors = SmoothQuant.factors(new float[] {0, 1, 0}, new float[] {1, 0, 0}, 0.5);
    for (float factor : factors) {
      assertTrue(factor > 0 && Float.isFinite(factor), "factor " + factor);
    }
    float[] magnitudes = Awq.factors(new float[] {0, 1, 4}, 0.5);
    assertTrue(magnitudes[0] > 0 && Float.isFinite(magnitudes[2]));
  }

  @Test
  void equalizingAfterQuantizingIsRefusedLayerByLayer() {
    Report report =
        apply(Quantize.weights(NumberFormat.INT8).in("*intermediate*"), new SmoothQuant()).report();
    assertTrue(
        report.layers().stream()
            .anyMatch(layer -> layer.encodingAfter().equals("int8 per channel")));
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> Recipe.of(new SmoothQuant(0.5, Selector.of("nothing"))).plan(model))
            .getMessage();
    assertTrue(message.contains("nothing"), message);
  }
}
