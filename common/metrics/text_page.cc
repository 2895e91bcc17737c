// Writes figures in Prometheus' text format.

#include "common/metrics/text_page.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <prometheus/text_serializer.h>

namespace croft::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

ClientMetric Labelled(const TextPage::Labels& labels) {
  ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({std::string(name), std::string(value)});
  return metric;
}

}  // namespace

void TextPage::Begin(const std::string& name, const std::string& help, MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  families_.push_back(std::move(family));
}

void TextPage::BeginGauge(const std::string& name, const std::string& help) {
  Begin(name, help, MetricType::Gauge);
}

void TextPage::BeginCounter(const std::string& name, const std::string& help) {
  Begin(name, help, MetricType::Counter);
}

void TextPage::BeginHistogram(const std::string& name, const std::string& help) {
  Begin(name, help, MetricType::Histogram);
}

void TextPage::Add(const Labels& labels, double value) {
  ClientMetric metric = Labelled(labels);
  metric.gauge.value = value;
  metric.counter.value = value;
  families_.back().metric.push_back(std::move(metric));
}

void TextPage::Add(const Labels& labels, const Histogram::Snapshot& took) {
  ClientMetric metric = Labelled(labels);
  metric.histogram.sample_sum = absl::ToDoubleSeconds(took.sum);
  metric.histogram.sample_count = static_cast<uint64_t>(took.count());
  uint64_t below = 0;
  for (size_t i = 0; i < took.bounds.size(); ++i) {
    below += static_cast<uint64_t>(took.counts[i]);
    metric.histogram.bucket.push_back({below, absl::ToDoubleSeconds(took.bounds[i])});
  }
  families_.back().metric.push_back(std::move(metric));
}

void TextPage::Gauge(const std::string& name, const std::string& help, double value) {
  BeginGauge(name, help);
  Add({}, value);
}

void TextPage::Age(const std::string& name, const std::string& help, const std::optional<absl::Time>& since,
                   absl::Time now) {
  Gauge(name, help, since ? std::max(0.0, absl::ToDoubleSeconds(now - *since)) : 0);
}

std::string TextPage::Text() const { return prometheus::TextSerializer().Serialize(families_); }

}  // namespace croft::metrics
