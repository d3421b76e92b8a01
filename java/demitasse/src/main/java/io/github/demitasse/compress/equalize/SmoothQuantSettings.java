package io.github.demitasse.compress.equalize;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepSettings;

/**
 * Immutable: the settings of the step {@code smooth-quant} in a recipe file.
 *
 * @param alpha how much of the difficulty moves to the weights, default 0.5
 * @param layers which linear layers, default all
 */
public record SmoothQuantSettings(
    @JsonProperty("alpha") Double alpha, @JsonProperty("layers") Selector layers)
    implements StepSettings {

  @Override
  public Step toStep() {
    return new SmoothQuant(
        alpha == null ? SmoothQuant.DEFAULT_ALPHA : alpha, layers == null ? Selector.ALL : layers);
  }
}
