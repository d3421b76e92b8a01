package io.github.demitasse.graph;

/**
 * Immutable: one dimension of a shape: a known size, a named symbol such as "batch", or unknown.
 */
public sealed interface Dimension {

  /**
   * A size known when the graph was read or lowered. Negative values occur only in the content of
   * shape computations, such as the -1 that Reshape takes; a {@link Shape} has none.
   */
  record Known(long value) implements Dimension {
    // Written out: a record's own equals and hashCode cost milliseconds when first used.
    @Override
    public boolean equals(Object other) {
      return other instanceof Known known && known.value == value;
    }

    @Override
    public int hashCode() {
      return Long.hashCode(value);
    }

    @Override
    public String toString() {
      return Long.toString(value);
    }
  }

  /** A size that the same name means everywhere in one graph. */
  record Symbol(String name) implements Dimension {
    @Override
    public boolean equals(Object other) {
      return other instanceof Symbol symbol && symbol.name.equals(name);
    }

    @Override
    public int hashCode() {
      return name.hashCode();
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** A size about which nothing is known. */
  record Unknown() implements Dimension {
    @Override
    public boolean equals(Object other) {
      return other instanceof Unknown;
    }

    @Override
    public int hashCode() {
      return 0;
    }

    @Override
    public String toString() {
      return "?";
    }
  }

  static Dimension of(long size) {
    return new Known(size);
  }

  static Dimension symbol(String name) {
    return new Symbol(name);
  }

  static Dimension unknown() {
    return new Unknown();
  }

  default boolean isKnown() {
    return this instanceof Known;
  }

  /** True for the known size {@code size}. */
  default boolean is(long size) {
    return this instanceof Known known && known.value() == size;
  }

  /**
   * The known size.
   *
   * @throws IllegalStateException if it is not known
   */
  default long size() {
    if (this instanceof Known known) {
      return known.value();
    }
    throw new IllegalStateException("dimension '" + this + "' is not known");
  }
}
