package io.github.demitasse.compress.quantize;

import com.fasterxml.jackson.annotation.JsonProperty;

/** Immutable: number formats that weights and activations can be given. */
public enum NumberFormat {
  @JsonProperty("float16")
  FLOAT16("float16"),
  @JsonProperty("bfloat16")
  BFLOAT16("bfloat16"),
  @JsonProperty("int8")
  INT8("int8"),
  @JsonProperty("int4")
  INT4("int4"),
  /** 4 bits that look up the levels of {@link io.github.demitasse.weight.NormalFloat}. */
  @JsonProperty("nf4")
  NF4("nf4"),
  /** 4 bits that look up 16 levels learned for each weight. */
  @JsonProperty("codebook4")
  CODEBOOK4("codebook4"),
  /** Signs with a scale: for weights of networks that were trained for it. */
  @JsonProperty("binary")
  BINARY("binary");

  private final String text;

  NumberFormat(String text) {
    this.text = text;
  }

  /** True for codes or signs with scales, false for floating point. */
  public boolean hasScales() {
    return hasCodes() || this == BINARY;
  }

  /** True where every weight becomes a code: an integer, or an entry of a codebook. */
  public boolean hasCodes() {
    return this == INT8 || this == INT4 || hasCodebook();
  }

  /** True for codes that look up levels. */
  public boolean hasCodebook() {
    return this == NF4 || this == CODEBOOK4;
  }

  /** As recipes write it. */
  @Override
  public String toString() {
    return text;
  }
}
