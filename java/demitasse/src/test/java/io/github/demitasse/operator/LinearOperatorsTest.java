package io.github.demitasse.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.demitasse.tensor.DataType;
import java.util.List;
import org.junit.jupiter.api.Test;

class LinearOperatorsTest {
  private static Graphs two(Object[] a, Object[] b) {
    return Graphs.opset(13).input("a", DataType.FLOAT32, a).input("b", DataType.FLOAT32, b);
  }

  private static Object[] dims(Object... dimensions) {
    return dimensions;
  }

  @Test
  void matMulBroadcastsBatches() {
    Object[] scores = dims("batch", 12, "sequence", "sequence");
    Object[] values = dims("batch", 12, "sequence", 32);
    assertEquals(
        "[batch, 12, sequence, 32]", two(scores, values).node("y", "MatMul", "a b").shapeOf("y"));
    assertEquals(
        "[batch, 5]", two(dims("batch", 3), dims(3, 5)).node("y", "MatMul", "a b").shapeOf("y"));
    assertEquals("[7, 2]", two(dims(3), dims(7, 3, 2)).node("y", "MatMul", "a b").shapeOf("y"));
    assertEquals("[]", two(dims(3), dims(3)).node("y", "MatMul", "a b").shapeOf("y"));
    assertThrows(
        IllegalArgumentException.class, two(dims(2, 3), dims()).node("y", "MatMul", "a b")::infer);
  }

  @Test
  void gemmTransposesAndChecksTheAddend() {
    Graphs graph =
        two(dims(4, "batch"), dims(5, 4))
            .input("c", DataType.FLOAT32, 5)
            .node("y", "Gemm", "a b c", "transA", 1, "transB", 1, "alpha", 0.5f);
    assertEquals("[batch, 5]", graph.shapeOf("y"));
    assertArrayEquals(new long[] {1, 1}, graph.lowered().integers());
    assertArrayEquals(new double[] {0.5, 1}, graph.lowered().floats());
    assertThrows(
        IllegalArgumentException.class,
        two(dims(2, 3), dims(3, 4)).input("c", DataType.FLOAT32, 3).node("y", "Gemm", "a b c")
            ::infer);
    assertThrows(
        IllegalArgumentException.class,
        two(dims(1, 3), dims(3, 4)).input("c", DataType.FLOAT32, 2, 4).node("y", "Gemm", "a b c")
            ::infer);
  }

  @Test
  void integerProductsHaveTheirTypes() {
    Graphs graph =
        Graphs.opset(13)
            .input("a", DataType.UINT8, "batch", 3)
            .input("b", DataType.INT8, 3, 4)
            .input("z", DataType.INT8, 4)
            .node("y", "MatMulInteger", "a b - z");
    assertEquals(DataType.INT32, graph.infer().value("y").type());
    assertEquals(List.of(0, 1, -1, 3), graph.lowered().inputs());
  }

  @Test
  void einsumReadsEquations() {
    Object[] q = dims("batch", "sequence", 12, 32);
    Object[] k = dims("batch", "keys", 12, 32);
    assertEquals(
        "[batch, 12, sequence, keys]",
        two(q, k).node("y", "Einsum", "a b", "equation", "bqhd, bkhd -> bhqk").shapeOf("y"));
    assertEquals(
        "[batch, sequence, 12, 7]",
        two(q, dims(32, 7)).node("y", "Einsum", "a b", "equation", "...d,de->...e").shapeOf("y"));
    assertEquals(
        "[3, 5]",
        two(dims(3, 4), dims(4, 5)).node("y", "Einsum", "a b", "equation", "ij,jk").shapeOf("y"));
    assertThrows(
        IllegalArgumentException.class,
        two(dims(3, 4), dims(5, 6)).node("y", "Einsum", "a b", "equation", "ij,jk->ik")::infer);
    assertThrows(
        IllegalArgumentException.class,
        two(dims(3, 4), dims(4, 6)).node("y", "Einsum", "a b", "equation", "ijk,jk->ik")::infer);
    assertThrows(
        IllegalArgumentException.class,
        two(dims(3, 4), dims(4, 6)).node("y", "Einsum", "a b", "equation", "ij,jk->iz")::infer);
  }

  @Test
  void einsumLabelsAreNumbered() {
    NativeCall call =
        two(dims(2, 3, 4), dims(4, 5))
            .node("y", "Einsum", "a b", "equation", "...d,de->...e")
            .lowered();
    assertArrayEquals(new long[] {0, 1, 2, 0, 1, 3, 3, 2}, call.integers());
  }

  @Test
  void fusedMatMulOfOnnxRuntimeIsAMatMul() {
    NativeCall call =
        two(dims(2, 3, 4), dims(2, 5, 4))
            .node("y", "com.microsoft::FusedMatMul", "a b", "transB", 1, "alpha", 0.125f)
            .lowered();
    assertEquals("MatMul", call.operator());
    assertArrayEquals(new long[] {0, 1}, call.integers());
    assertArrayEquals(new double[] {0.125}, call.floats());
  }
}
