package io.github.demitasse.graph;

/** Thread-safe: the names of operator domains. */
public final class Domains {
  /** ONNX's own operators. */
  public static final String ONNX = "";

  /** ONNX Runtime's contributed operators. */
  public static final String MICROSOFT = "com.microsoft";

  /**
   * Demitasse's fused operators, listed in {@link FusedOperators}. They exist between rewriting and
   * lowering and inside {@code .dmt} files; the ONNX writer expands them.
   */
  public static final String DEMITASSE = "io.github.demitasse";

  private Domains() {}
}
