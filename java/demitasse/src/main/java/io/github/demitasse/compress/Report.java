package io.github.demitasse.compress;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * Immutable: what a compression did. Figures that were not measured are null and left out of the
 * JSON.
 *
 * @param recipe the steps, one line each
 * @param layers every layer that a step was asked to change
 * @param inputBytes size of the original file
 * @param outputBytes size of the compressed file
 * @param fidelity how close outputs stay to the original's on the calibration data
 * @param before speed and memory of the original
 * @param after speed and memory of the result
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Report(
    @JsonProperty("recipe") List<String> recipe,
    @JsonProperty("layers") List<LayerReport> layers,
    @JsonProperty("input_bytes") Long inputBytes,
    @JsonProperty("output_bytes") Long outputBytes,
    @JsonProperty("fidelity") Fidelity fidelity,
    @JsonProperty("before") Cost before,
    @JsonProperty("after") Cost after) {

  /**
   * What became of one layer.
   *
   * @param weightSqnr signal-to-quantization-noise ratio of the weight in decibels
   * @param outputSqnr the same for the layer's output on calibration data, errors of earlier layers
   *     included
   * @param reason why the layer was asked for and not compressed; "" when it was
   * @param note what the steps have to say about the layer, such as the damping that GPTQ needed
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record LayerReport(
      @JsonProperty("name") String name,
      @JsonProperty("shape") String shape,
      @JsonProperty("encoding_before") String encodingBefore,
      @JsonProperty("encoding_after") String encodingAfter,
      @JsonProperty("bytes_before") long bytesBefore,
      @JsonProperty("bytes_after") long bytesAfter,
      @JsonProperty("weight_sqnr_db") Double weightSqnr,
      @JsonProperty("output_sqnr_db") Double outputSqnr,
      @JsonProperty("reason") String reason,
      @JsonProperty("note") String note) {}

  /** Cosine similarity between rows of the original's and the result's outputs. */
  public record Fidelity(
      @JsonProperty("output") String output,
      @JsonProperty("rows") long rows,
      @JsonProperty("cosine_mean") double cosineMean,
      @JsonProperty("cosine_min") double cosineMin) {}

  /** What running costs, measured in a process of its own. */
  public record Cost(
      @JsonProperty("shapes") String shapes,
      @JsonProperty("threads") int threads,
      @JsonProperty("median_ms") double medianMilliseconds,
      @JsonProperty("peak_rss_bytes") long peakResidentBytes) {}

  public Report withFileSizes(long input, long output) {
    return new Report(recipe, layers, input, output, fidelity, before, after);
  }

  public Report withCosts(Cost original, Cost result) {
    return new Report(recipe, layers, inputBytes, outputBytes, fidelity, original, result);
  }
}
