package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Graphs that do not work row by row: shapes known, decided by inputs, or by data. */
class ShapedRunnerTest {

  private static Tensor matrix(int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    return Tensor.of(values, rows, columns);
  }

  @Test
  void shapesOfTransposedProductsFollowTheInputs() {
    ModelBuilder b =
        new ModelBuilder()
            .input("a", DataType.FLOAT32, "m", "k")
            .input("b", DataType.FLOAT32, "k", "n")
            .output("y", DataType.FLOAT32, "n", "m")
            .node("MatMul", List.of("a", "b"), "product");
    b.node(
        "",
        "Transpose",
        List.of("product"),
        List.of("y"),
        Map.of("perm", Attribute.ofIntegers(List.of(1L, 0L))));
    try (Session session = Session.open(b.build())) {
      for (int m = 1; m < 40; m++) { // more shapes than programs are kept
        int rows = m;
        Tensor y = session.run(Map.of("a", matrix(m, 2), "b", matrix(2, 3))).get("y");
        assertArrayEquals(new long[] {3, m}, y.shape());
        assertEquals(2 * (rows - 1) * 2 + (2 * (rows - 1) + 1) * 5, y.toFloats()[3 * m - 1]);
      }
      assertThrows(
          IllegalArgumentException.class,
          () -> session.run(Map.of("a", matrix(1, 2), "b", matrix(3, 3))));
      assertArrayEquals(
          new long[] {3, 0},
          session.run(Map.of("a", matrix(0, 2), "b", matrix(2, 3))).get("y").shape());
    }
  }

  @Test
  void aShapeMayComeFromAnInput() throws Exception {
    ModelBuilder b =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, "n")
            .input("shape", DataType.INT64, "rank")
            .output("y", DataType.FLOAT32, "a", "b")
            .node("Reshape", List.of("x", "shape"), "z")
            .node("Identity", List.of("z"), "y");
    try (Session session = Session.open(b.build())) {
      Tensor x = matrix(1, 24).reshaped(24);
      List<Callable<Void>> callers = new ArrayList<>();
      for (int rows : new int[] {1, 2, 3, 4, 6, 8, 12, 24}) {
        callers.add(
            () -> {
              for (int i = 0; i < 50; i++) {
                Tensor shape = Tensor.of(new long[] {rows, -1}, 2);
                Tensor y = session.run(Map.of("x", x, "shape", shape)).get("y");
                assertArrayEquals(new long[] {rows, 24 / rows}, y.shape());
                assertArrayEquals(x.toBytes(), y.toBytes());
              }
              return null;
            });
      }
      ExecutorService pool = Executors.newFixedThreadPool(callers.size());
      for (Future<Void> done : pool.invokeAll(callers)) {
        done.get();
      }
      pool.shutdown();
    }
  }

  @Test
  void aShapeMayComeFromData() {
    ModelBuilder b =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, "rows", 3)
            .output("y", DataType.FLOAT32, "found", 3)
            .output("where", DataType.INT64, 2, "found")
            .random("weight", 3, 3)
            .node("NonZero", List.of("x"), "where")
            .node("Gather", List.of("where", "second"), "columns")
            .node("Gather", List.of("identity", "columns"), "picked")
            .weight("second", Tensor.scalar(1))
            .weight("identity", Tensor.of(new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3));
    b.fused("Linear", List.of("picked", "weight"), List.of("y"), Map.of());
    var model = b.build();
    float[] weight = model.weights().get("weight").dequantize().toFloats();
    try (Session session = Session.open(model)) {
      Tensor x = Tensor.of(new float[] {0, 0, 5, 1, 0, 0}, 2, 3);
      Map<String, Tensor> results = session.run(Map.of("x", x));
      assertArrayEquals(new long[] {0, 1, 2, 0}, results.get("where").toLongs());
      assertArrayEquals(
          new float[] {weight[6], weight[7], weight[8], weight[0], weight[1], weight[2]},
          results.get("y").toFloats());
      Tensor zeros = Tensor.of(new float[3], 1, 3);
      assertArrayEquals(new long[] {0, 3}, session.run(Map.of("x", zeros)).get("y").shape());
    }
  }

  @Test
  void inputsAndConstantsMayBeOutputs() {
    ModelBuilder b =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, 2, 3)
            .output("x", DataType.FLOAT32, 2, 3)
            .output("constant", DataType.FLOAT32, 4)
            .random("constant", 4);
    var model = b.build();
    try (Session session = Session.open(model)) {
      Tensor x = matrix(2, 3);
      Map<String, Tensor> results = session.run(Map.of("x", x));
      assertArrayEquals(x.toBytes(), results.get("x").toBytes());
      assertArrayEquals(
          model.weights().get("constant").dequantize().toBytes(),
          results.get("constant").toBytes());
      results.get("x").close();
      assertEquals(1, x.toFloats()[1]);
    }
  }
}
