package io.github.demitasse.compress.equalize;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepSettings;

/**
 * Immutable: the settings of the step {@code equalize} in a recipe file.
 *
 * @param layers which linear layers and convolutions, default all
 */
public record EqualizeSettings(@JsonProperty("layers") Selector layers) implements StepSettings {

  @Override
  public Step toStep() {
    return new CrossLayerEqualization(layers == null ? Selector.ALL : layers);
  }
}
