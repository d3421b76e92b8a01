package io.github.demitasse.graph.rewrite;

import java.util.List;

/**
 * Names of layers as people know them from the framework a model was trained in, such as {@code
 * encoder.layer.0.attention.self.query}, recovered from what exporters keep of them.
 */
final class LayerNames {
  private static final List<String> WEIGHT_ENDINGS =
      List.of(".weight", "/kernel", "/kernel:0", "/weight", ".w_0");
  private static final List<String> BIAS_ENDINGS = List.of(".bias", "/bias", "/bias:0", ".b_0");

  private LayerNames() {}

  /**
   * The layer a node belongs to, from the best of: its weight's name, its bias's name, the node's
   * own name.
   *
   * @param bias may be null
   */
  static String layer(String weight, String bias, String node) {
    String layer = ofWeight(weight);
    if (layer == null && bias != null) {
      layer = withoutEnding(stored(bias), BIAS_ENDINGS);
    }
    return layer != null ? layer : scope(node);
  }

  /** The layer a weight is called after, or null. */
  static String ofWeight(String weight) {
    return withoutEnding(stored(weight), WEIGHT_ENDINGS);
  }

  /** The path in front of a node's own name, with dots: all of the name when there is none. */
  static String scope(String node) {
    String path = node.startsWith("/") ? node.substring(1) : node;
    int last = path.lastIndexOf('/');
    return (last > 0 ? path.substring(0, last) : path).replace('/', '.');
  }

  /** True for names that exporters make up, such as {@code onnx::MatMul_885}. */
  static boolean isAnonymous(String weight) {
    return weight.contains("::")
        || weight.contains("_output_")
        || !stored(weight).equals(weight)
        || weight.chars().allMatch(Character::isDigit);
  }

  /** The name of a weight without what quantizers append to it. */
  static String stored(String weight) {
    for (String ending : List.of("_quantized", "_DequantizeLinear_Output", "_dequantized")) {
      if (weight.endsWith(ending)) {
        return weight.substring(0, weight.length() - ending.length());
      }
    }
    return weight;
  }

  private static String withoutEnding(String name, List<String> endings) {
    for (String ending : endings) {
      if (name.endsWith(ending) && name.length() > ending.length()) {
        String layer = name.substring(0, name.length() - ending.length());
        return (layer.startsWith("/") ? layer.substring(1) : layer).replace('/', '.');
      }
    }
    return null;
  }

  /**
   * One name for layers that became one: {@code a.query}, {@code a.key}, {@code a.value} make
   * {@code a.query_key_value}.
   */
  static String merged(List<String> layers) {
    String first = layers.get(0);
    String prefix = first.substring(0, first.lastIndexOf('.') + 1);
    StringBuilder name = new StringBuilder(first);
    for (String layer : layers.subList(1, layers.size())) {
      name.append('_').append(layer.startsWith(prefix) ? layer.substring(prefix.length()) : layer);
    }
    return name.toString();
  }
}
