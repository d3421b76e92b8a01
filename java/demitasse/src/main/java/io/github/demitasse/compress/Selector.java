package io.github.demitasse.compress;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Immutable: chooses layers by name. A pattern is a layer name in which {@code *} stands for any
 * characters; a layer is chosen when one of {@code include} matches it and none of {@code exclude}.
 */
public record Selector(List<String> include, List<String> exclude) {
  /** Every layer. */
  public static final Selector ALL = new Selector(List.of("*"), List.of());

  @JsonCreator
  public Selector(
      @JsonProperty("include") List<String> include,
      @JsonProperty("exclude") List<String> exclude) {
    this.include = include == null ? List.of("*") : List.copyOf(include);
    this.exclude = exclude == null ? List.of() : List.copyOf(exclude);
  }

  /** Layers that match one of the patterns. */
  public static Selector of(String... patterns) {
    return new Selector(List.of(patterns), List.of());
  }

  public Selector except(String... patterns) {
    return new Selector(include, List.of(patterns));
  }

  public boolean matches(String layerName) {
    return include.stream().anyMatch(pattern -> matches(pattern, layerName))
        && exclude.stream().noneMatch(pattern -> matches(pattern, layerName));
  }

  /** The patterns of {@code include} and {@code exclude} that match none of the names. */
  public List<String> patternsWithoutMatch(List<String> layerNames) {
    return Stream.concat(include.stream(), exclude.stream())
        .filter(pattern -> layerNames.stream().noneMatch(name -> matches(pattern, name)))
        .toList();
  }

  private static boolean matches(String pattern, String name) {
    String regex =
        Arrays.stream(pattern.split("\\*", -1))
            .map(Pattern::quote)
            .collect(Collectors.joining(".*"));
    return Pattern.matches(regex, name);
  }
}
