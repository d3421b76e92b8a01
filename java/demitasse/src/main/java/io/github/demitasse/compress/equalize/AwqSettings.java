package io.github.demitasse.compress.equalize;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepSettings;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.WeightScheme;
import io.github.demitasse.compress.quantize.WeightScheme.Sharing;

/**
 * Immutable: the settings of the step {@code awq} in a recipe file: those of the {@code quantize}
 * step that follows.
 *
 * @param weights default {@code int4}
 * @param group weights that share a scale; absent for one scale per output
 * @param symmetric default true
 * @param layers which linear layers, default all
 */
public record AwqSettings(
    @JsonProperty("weights") NumberFormat weights,
    @JsonProperty("group") Integer group,
    @JsonProperty("symmetric") Boolean symmetric,
    @JsonProperty("layers") Selector layers)
    implements StepSettings {

  @Override
  public Step toStep() {
    return new Awq(
        new WeightScheme(
            weights == null ? NumberFormat.INT4 : weights,
            group == null ? Sharing.CHANNEL : Sharing.GROUP,
            group == null ? 0 : group,
            symmetric == null || symmetric),
        layers == null ? Selector.ALL : layers);
  }
}
