#include <cctype>
#include <cstdio>
#include <cstring>

#include "algorithms/acting/export/export.h"
#include "engine/base/version.h"

namespace hardy::algorithms {
namespace {

// A float32 that C reads back to the same bits.
std::string literal(float x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(x));
  if (std::strpbrk(text, ".eni") == nullptr) std::strcat(text, ".0");
  return std::string(text) + "f";
}

std::string array(const std::string& name, const std::vector<float>& x) {
  std::string text = "static const float " + name + "[" + std::to_string(x.size()) + "] = {";
  std::size_t column = 200;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::string value = literal(x[i]);
    if (column + value.size() > 105) text += "\n    ", column = 4;
    text += value + (i + 1 < x.size() ? ", " : "");
    column += value.size() + 2;
  }
  return text + "};\n";
}

std::string comment_safe(std::string text) {
  for (std::size_t at = 0; (at = text.find("*/", at)) != std::string::npos;) text.replace(at, 2, "* /");
  for (char& c : text)
    if (std::iscntrl(static_cast<unsigned char>(c))) c = ' ';
  return text;
}

// NAME with what stands for it in the text.
std::string filled(std::string text, const std::vector<std::pair<std::string, std::string>>& words) {
  for (const auto& [word, value] : words)
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size())
      text.replace(at, word.size(), value);
  return text;
}

const char* const kLayer = R"(
/* y = x w + b; rows of w are inputs. */
static void layer(const float* w, const float* b, int in, int out, const float* x, float* y) {
  int i, k;
  for (k = 0; k < out; ++k) y[k] = b[k];
  for (i = 0; i < in; ++i)
    for (k = 0; k < out; ++k) y[k] += x[i] * w[i * out + k];
}
)";

// The nonlinearity of a float that is called v.
std::string nonlinearity_of(nn::Nonlinearity f, const std::string& v) {
  switch (f) {
    case nn::Nonlinearity::kRelu:
      return v + " > 0 ? " + v + " : 0";
    case nn::Nonlinearity::kTanh:
      return "tanhf(" + v + ")";
    case nn::Nonlinearity::kGelu:
      return "0.5f * " + v + " * (1 + erff(" + v + " * 0.707106781f))";
    case nn::Nonlinearity::kSilu:
      break;
  }
  return v + " / (1 + expf(-" + v + "))";
}

// The statements that take observation [IN] to u, the network's output.
std::string network(const LoadedPolicy& policy, const std::vector<ExportLayer>& layers, std::int64_t widest) {
  const std::string width = std::to_string(widest);
  std::string text = "static void network(const double* observation, float* u) {\n  float a[" + width +
                     "], b[" + width + "];\n  int i;\n  for (i = 0; i < " +
                     std::to_string(policy.spec.observation_size) + "; ++i) a[i] = ";
  text += policy.spec.observation_mean.empty()
              ? "(float)observation[i];\n"
              : "((float)observation[i] - observation_mean[i]) / observation_std[i];\n";
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const bool last = l + 1 == layers.size();
    const std::string from = l % 2 == 0 ? "a" : "b",
                      to = last         ? "u"
                           : l % 2 == 0 ? "b"
                                        : "a",
                      n = std::to_string(l), out = std::to_string(layers[l].out);
    text += "  layer(w" + n + ", b" + n + "_, " + std::to_string(layers[l].in) + ", " + out + ", " + from +
            ", " + to + ");\n";
    if (!last)
      text += "  for (i = 0; i < " + out + "; ++i) " + to +
              "[i] = " + nonlinearity_of(policy.spec.nonlinearity, to + "[i]") + ";\n";
  }
  if (layers.size() == 1) text += "  (void)b;\n";
  return text + "}\n";
}

const char* const kChoices = R"(
/* The choice, 0 to CHOICES - 1, that the policy takes by its mode. observation [OBS]. */
int NAME_act(const double* observation) {
  float u[OUT];
  int k, best = 0;
  network(observation, u);
  for (k = 1; k < CHOICES; ++k)
    if (u[FIRST + k] > u[FIRST + best]) best = k;
  return best;
}
)";
const char* const kCategorical = R"(
/* A choice that is drawn: uniform is a number in [0, 1), drawn anew each time. */
int NAME_act_drawn(const double* observation, double uniform) {
  float u[OUT];
  double sum = 0, largest;
  int k, best = 0;
  network(observation, u);
  for (k = 1; k < CHOICES; ++k)
    if (u[k] > u[best]) best = k;
  largest = u[best];
  for (k = 0; k < CHOICES; ++k) sum += exp(u[k] - largest);
  for (k = 0; k < CHOICES; ++k) {
    uniform -= exp(u[k] - largest) / sum;
    if (uniform < 0) return k;
  }
  return best;
}
)";
const char* const kNumbers = R"(
/* The action [ACT] that the policy takes by its mode. observation [OBS]. */
void NAME_act(const double* observation, float* action) {
  float u[OUT];
  int k;
  network(observation, u);
  for (k = 0; k < ACT; ++k) action[k] = bounded(UMODE, k);
}
)";
const char* const kDrawn = R"(
/* An action that is drawn: noise [ACT] are standard normal numbers, drawn anew each time. */
void NAME_act_drawn(const double* observation, const float* noise, float* action) {
  float u[OUT];
  int k;
  network(observation, u);
  for (k = 0; k < ACT; ++k) {
    const float log_std = LOGSTD < LOWEST ? LOWEST : LOGSTD > 2.0f ? 2.0f : LOGSTD;
    action[k] = bounded(UDRAWN, k);
  }
}
)";

}  // namespace

std::string export_c(const LoadedPolicy& policy, const std::string& name, const ExportOrigin& origin) {
  const PolicySpec& s = policy.spec;
  const std::vector<ExportLayer> layers = layers_of(policy);
  std::int64_t widest = s.observation_size;
  for (const ExportLayer& l : layers) widest = std::max(widest, l.out);
  const bool tanh_gaussian = s.head == Head::kTanhGaussian, gaussian = s.head == Head::kGaussian;
  std::string text =
      "/* A " + name_of(s.head) + " policy" +
      (policy.environment.empty() ? "" : " for " + comment_safe(policy.environment)) + ": " +
      std::to_string(s.observation_size) + " observations to " +
      (chooses(s.head) ? "one of " + std::to_string(s.action_choices) + " choices"
                       : std::to_string(s.action_size) + " numbers") +
      ".\n * " + comment_safe(origin.text) + "\n * C99, no dependency but the standard library (-lm).\n" +
      " * Nothing is kept between calls: any number of threads may act at once. */\n#include <math.h>\n\n";
  if (!s.observation_mean.empty())
    text += array("observation_mean", s.observation_mean) + array("observation_std", s.observation_std);
  if (!chooses(s.head)) text += array("action_low", s.action_low) + array("action_high", s.action_high);
  if (gaussian) text += array("free_log_std", policy.parameters.back());
  for (std::size_t l = 0; l < layers.size(); ++l)
    text += array("w" + std::to_string(l), *layers[l].weights) +
            array("b" + std::to_string(l) + "_", *layers[l].biases);
  text += kLayer + network(policy, layers, widest);
  if (!chooses(s.head)) {
    text +=
        "\nstatic float bounded(float u, int k) {\n  const float low = action_low[k], high = "
        "action_high[k];\n";
    if (gaussian)
      text += std::string("  const float a = ") +
              (s.scaled ? "(low + high) * 0.5f + (high - low) * 0.5f * u" : "u") +
              ";\n  return a < low ? low : a > high ? high : a;\n}\n";
    else
      text += "  return low + (u + 1) * 0.5f * (high - low);\n}\n";
  }
  const std::string deviation = tanh_gaussian ? "u[ACT + k]" : "free_log_std[k]",
                    draw = "u[k] + expf(log_std) * noise[k]";
  std::string body = chooses(s.head) ? kChoices : kNumbers;
  if (s.head == Head::kCategorical) body += kCategorical;
  if (tanh_gaussian || gaussian) body += kDrawn;
  return text +
         filled(body, {{"UMODE", gaussian ? "u[k]" : "tanhf(u[k])"},
                       {"UDRAWN", gaussian ? draw : "tanhf(" + draw + ")"},
                       {"LOGSTD", deviation},
                       {"LOWEST", tanh_gaussian ? literal(static_cast<float>(s.log_std_low)) : "-5.0f"},
                       {"FIRST + ", s.head == Head::kDuelingQ ? "1 + " : ""},
                       {"CHOICES", std::to_string(s.action_choices)},
                       {"OUT", std::to_string(layers.back().out)},
                       {"OBS", std::to_string(s.observation_size)},
                       {"ACT", std::to_string(s.action_size)},
                       {"NAME", name}});
}

}  // namespace hardy::algorithms
