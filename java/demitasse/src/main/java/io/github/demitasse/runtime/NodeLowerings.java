package io.github.demitasse.runtime;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import java.util.HashMap;
import java.util.Map;

/** Thread-safe: the operators that have a lowering of their own. */
final class NodeLowerings {
  private static final Map<String, NodeLowering> BY_NAME = new HashMap<>();
  private static final NodeLowering ORDINARY = new OperatorLowering();

  static {
    fused(FusedOperators.LINEAR, new LinearLowering());
    fused(FusedOperators.FAKE_QUANTIZE, new FakeQuantizeLowering());
    fused(FusedOperators.BINARIZE, new BinarizeLowering());
    fused(FusedOperators.SKIP_LAYER_NORMALIZATION, new LayerNormalizationLowering());
    fused(FusedOperators.MULTI_HEAD_ATTENTION, new AttentionLowering());
    fused(FusedOperators.PACKED_ATTENTION, new AttentionLowering());
    fused(FusedOperators.POSITION_EMBEDDING, new EmbeddingLowering());
    fused(FusedOperators.SEQUENCE_POOLING, new PoolingLowering());
    onnx("LayerNormalization", new LayerNormalizationLowering());
    onnx("RMSNormalization", new LayerNormalizationLowering());
    onnx("RNN", new RecurrentLowering());
    onnx("GRU", new RecurrentLowering());
    onnx("LSTM", new RecurrentLowering());
    onnx("Gather", new EmbeddingLowering());
    onnx("Add", new EmbeddingSumLowering());
  }

  private NodeLowerings() {}

  /** Fills the table, unless that has been done. */
  static void load() {
    // the class's initializer does it
  }

  private static void fused(String operator, NodeLowering lowering) {
    BY_NAME.put(Domains.DEMITASSE + "::" + operator, lowering);
  }

  private static void onnx(String operator, NodeLowering lowering) {
    BY_NAME.put("::" + operator, lowering);
  }

  /** The node's own lowering, or the one of ordinary operators. */
  static NodeLowering of(Node node, Lowering lowering) {
    NodeLowering own = BY_NAME.get(node.domain() + "::" + node.operator());
    return own != null && own.accepts(node, lowering) ? own : ORDINARY;
  }
}
