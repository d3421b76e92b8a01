package io.github.demitasse.compress.quantize;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepSettings;

/**
 * Immutable: the settings of the step {@code quantize} in a recipe file.
 *
 * @param weights {@code int8}, {@code float16} or {@code bfloat16}
 * @param granularity {@code channel} (the default) or {@code tensor}
 * @param symmetric default true
 * @param activations {@code int8}, or absent for floating point
 * @param calibrate {@code min-max}, {@code moving-average}, {@code percentile}, {@code entropy} or
 *     {@code mse}: fixed ranges for activations; absent for dynamic ones
 * @param percentile with {@code calibrate: percentile}: the share of values to keep in per cent,
 *     default 99.99
 * @param momentum with {@code calibrate: moving-average}: the weight of the past, default 0.9
 * @param embeddings default true: lookup tables are quantized too
 * @param layers which layers, default all
 */
public record QuantizeSettings(
    @JsonProperty(value = "weights", required = true) NumberFormat weights,
    @JsonProperty("granularity") WeightGranularity granularity,
    @JsonProperty("symmetric") Boolean symmetric,
    @JsonProperty("activations") NumberFormat activations,
    @JsonProperty("calibrate") Method calibrate,
    @JsonProperty("percentile") Double percentile,
    @JsonProperty("momentum") Double momentum,
    @JsonProperty("embeddings") Boolean embeddings,
    @JsonProperty("layers") Selector layers)
    implements StepSettings {

  /** Which weights share a scale. */
  public enum WeightGranularity {
    @JsonProperty("channel")
    CHANNEL,
    @JsonProperty("tensor")
    TENSOR
  }

  /** Calibration methods by their names in recipes. */
  public enum Method {
    @JsonProperty("min-max")
    MIN_MAX,
    @JsonProperty("moving-average")
    MOVING_AVERAGE,
    @JsonProperty("percentile")
    PERCENTILE,
    @JsonProperty("entropy")
    ENTROPY,
    @JsonProperty("mse")
    MSE
  }

  @Override
  public Step toStep() {
    if (weights == null) {
      throw new IllegalArgumentException("quantize: 'weights' is missing");
    }
    if (percentile != null && calibrate != Method.PERCENTILE) {
      throw new IllegalArgumentException(
          "quantize: 'percentile' goes with 'calibrate: percentile'");
    }
    if (momentum != null && calibrate != Method.MOVING_AVERAGE) {
      throw new IllegalArgumentException(
          "quantize: 'momentum' goes with 'calibrate: moving-average'");
    }
    return new Quantize(
        weights,
        granularity != WeightGranularity.TENSOR,
        symmetric == null || symmetric,
        activations,
        calibrate == null ? null : calibration(),
        embeddings == null || embeddings,
        layers == null ? Selector.ALL : layers);
  }

  private Calibration calibration() {
    return switch (calibrate) {
      case MIN_MAX -> MinMax.calibration();
      case MOVING_AVERAGE -> MovingAverage.of(momentum == null ? 0.9 : momentum);
      case PERCENTILE -> Percentile.of(percentile == null ? 99.99 : percentile);
      case ENTROPY -> Entropy.calibration();
      case MSE -> MeanSquaredError.calibration();
    };
  }
}
