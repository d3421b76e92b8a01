package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.github.demitasse.Model;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every way of running a graph gives the same results. */
class FusedOperatorsTest {
  private static final List<String> OUTPUTS = List.of("hidden", "pooled");

  @ParameterizedTest
  @ValueSource(strings = {"", "dynamic_row", "dynamic_tensor", "static"})
  void rowsKnownShapesAndSingleNodesGiveTheSame(String mode) {
    Model model = Encoders.encoder(mode);
    try (PackedWeights weights = new PackedWeights()) {
      Lowering.Request request = new Lowering.Request(model, weights);
      try (SequenceRunner rows = SequenceRunner.of(request, OUTPUTS);
          ShapedRunner shaped = new ShapedRunner(request)) {
        assertNotNull(rows);
        assertEquals(!mode.equals("dynamic_tensor"), rows.canJoin(OUTPUTS));
        Map<String, Tensor> given = Encoders.inputs(3, 17);
        Tensor[] in = {given.get("ids"), given.get("mask")};
        Tensor[] expected = rows.run(in, rows.batch(in), OUTPUTS, 0);
        assertSame(expected, shaped.run(in, OUTPUTS, 0));
        assertSame(expected, EagerRunner.run(request, in, OUTPUTS, 0));
      }
    }
  }

  private static void assertSame(Tensor[] expected, Tensor[] actual) {
    for (int i = 0; i < expected.length; i++) {
      assertArrayEquals(expected[i].shape(), actual[i].shape());
      assertArrayEquals(expected[i].toFloats(), actual[i].toFloats(), 1e-5f);
    }
  }
}
