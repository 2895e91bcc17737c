#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <prometheus/metric_family.h>

#include "common/histogram.h"

// Figures as a page for Prometheus.
namespace croft::metrics {

// Families in the order in which they are begun, each complete before the next one. Not thread-safe.
class TextPage {
 public:
  static constexpr char kContentType[] = "text/plain; version=0.0.4; charset=utf-8";
  using Labels = std::vector<std::pair<absl::string_view, absl::string_view>>;

  void BeginGauge(const std::string& name, const std::string& help);
  void BeginCounter(const std::string& name, const std::string& help);
  void BeginHistogram(const std::string& name, const std::string& help);

  // A series of the family that was begun last, which is no histogram.
  void Add(const Labels& labels, double value);
  // The same of a histogram, in seconds.
  void Add(const Labels& labels, const Histogram::Snapshot& took);

  // A family of one series.
  void Gauge(const std::string& name, const std::string& help, double value);
  // How long ago, in seconds; 0 for what is not.
  void Age(const std::string& name, const std::string& help, const std::optional<absl::Time>& since,
           absl::Time now);

  // In Prometheus' text format, version 0.0.4.
  [[nodiscard]] std::string Text() const;

 private:
  void Begin(const std::string& name, const std::string& help, prometheus::MetricType type);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace croft::metrics
