package io.github.demitasse.compress;

import java.util.List;
import java.util.Map;

/** Immutable: what one pass over the calibration data found, for one step. */
public record Observations(Map<String, List<Observer>> byValue) {
  /** For steps that need none. */
  public static final Observations NONE = new Observations(Map.of());

  /** The observer of a value that is of this type, as the step made it. */
  public <T extends Observer> T of(String value, Class<T> type) {
    return byValue.getOrDefault(value, List.of()).stream()
        .filter(type::isInstance)
        .map(type::cast)
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "value '" + value + "' was not observed by a " + type.getSimpleName()));
  }
}
