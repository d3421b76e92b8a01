package io.github.demitasse.graph.rewrite;

import static io.github.demitasse.graph.rewrite.AttentionGraphs.context;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.scores;
import static io.github.demitasse.graph.rewrite.AttentionGraphs.tokens;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.demitasse.Model;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Query, key and value projections become one layer, in every encoding. */
class MergedProjectionsTest {

  private static Model withWeights(Model model, Weight... encoded) {
    Map<String, Weight> weights = new LinkedHashMap<>(model.weights());
    int i = 0;
    for (String part : List.of("query", "key", "value")) {
      weights.put("self." + part + ".weight", encoded[i++]);
    }
    return model.withWeights(weights);
  }

  private static QuantizedWeight quantized(
      long seed, DataType type, boolean perChannel, boolean asymmetric) {
    int scales = perChannel ? 6 : 1;
    float[] steps = new float[scales];
    for (int i = 0; i < scales; i++) {
      steps[i] = 0.01f * (seed + i + 1);
    }
    return new QuantizedWeight(
        Evaluation.randomBytes(type, seed, 6, 6),
        Tensor.of(steps, scales),
        asymmetric ? Evaluation.randomBytes(type, seed + 50, scales) : null,
        perChannel ? new Granularity.PerChannel(1) : new Granularity.PerTensor());
  }

  private static Model merged(Weight... encoded) {
    Model model = withWeights(context(scores(tokens()), "qk").model(), encoded);
    Model result = Rewrites.apply(model);
    Evaluation.assertSame(model, result, 1e-4f);
    return result;
  }

  @Test
  void quantizedProjectionsAreMergedWithTheirScales() {
    Model fused =
        merged(
            quantized(1, DataType.INT8, false, false),
            quantized(2, DataType.INT8, true, true),
            quantized(3, DataType.INT8, false, true));
    QuantizedWeight weight = (QuantizedWeight) fused.weights().get("self.query_key_value.weight");
    assertEquals(new Granularity.PerChannel(1), weight.granularity());
    assertEquals(18, weight.scales().elements());
    assertEquals(18, weight.zeroPoints().elements());
  }

  @Test
  void symmetricProjectionsStaySymmetric() {
    Model fused =
        merged(
            quantized(1, DataType.UINT8, true, false),
            quantized(2, DataType.UINT8, true, false),
            quantized(3, DataType.UINT8, true, false));
    QuantizedWeight weight = (QuantizedWeight) fused.weights().get("self.query_key_value.weight");
    assertEquals(null, weight.zeroPoints());
  }

  @Test
  void groupsOfRowsAreMergedByColumns() {
    Weight[] parts = new Weight[3];
    for (int i = 0; i < 3; i++) {
      Tensor scales = Evaluation.random(i + 40, 3, 6);
      parts[i] =
          new QuantizedWeight(
              Evaluation.randomBytes(DataType.INT8, i, 6, 6),
              scales,
              null,
              new Granularity.PerGroup(0, 2));
    }
    Model fused = merged(parts);
    assertEquals(
        new Granularity.PerGroup(0, 2),
        ((QuantizedWeight) fused.weights().get("self.query_key_value.weight")).granularity());
  }

  @Test
  void halfPrecisionProjectionsStayHalf() {
    Weight[] parts = new Weight[3];
    for (int i = 0; i < 3; i++) {
      Tensor half = Tensor.allocate(DataType.FLOAT16, 6, 6);
      for (int j = 0; j < 36; j++) {
        half.buffer().putShort(j * 2, (short) (0x3000 + 16 * i + j));
      }
      parts[i] = new DenseWeight(half, DataType.FLOAT32);
    }
    DenseWeight weight = (DenseWeight) merged(parts).weights().get("self.query_key_value.weight");
    assertEquals(DataType.FLOAT16, weight.tensor().type());
  }

  @Test
  void projectionsOfDifferentEncodingsAreNotMerged() {
    Model fused =
        merged(
            quantized(1, DataType.INT8, true, false),
            quantized(2, DataType.UINT8, true, false),
            new DenseWeight(Evaluation.random(1, 6, 6)));
    assertEquals("{Linear=3, MultiHeadAttention=1}", Evaluation.operators(fused));
  }
}
