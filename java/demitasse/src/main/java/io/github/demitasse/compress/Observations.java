package io.github.demitasse.compress;

import java.util.Map;

/** Immutable: what one pass over the calibration data found, for one step. */
public record Observations(Map<String, Observer> byValue) {
  /** For steps that need none. */
  public static final Observations NONE = new Observations(Map.of());

  /** The observer of a value, as the step made it. */
  public <T extends Observer> T of(String value, Class<T> type) {
    Observer observer = byValue.get(value);
    if (observer == null) {
      throw new IllegalStateException("value '" + value + "' was not observed");
    }
    return type.cast(observer);
  }
}
