#include "controller/telemetry/process.hpp"

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace datamesh::telemetry {
namespace {

double number(std::string_view text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} ? value : 0;
}

std::string read(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

ProcessFacts parse_process(std::string_view self_stat, std::string_view system_stat, const ProcessUnits& units) {
  ProcessFacts facts;
  // The second field is the command in parentheses, which may hold blanks and parentheses itself.
  const std::size_t command_end = self_stat.rfind(')');
  if (command_end == self_stat.npos) return facts;
  std::string_view rest = self_stat.substr(command_end + 1);
  std::array<std::string_view, 22> fields;  // the third field of proc(5) is the first here
  for (auto& field : fields) {
    const std::size_t begin = rest.find_first_not_of(" \n");
    if (begin == rest.npos) return facts;
    rest.remove_prefix(begin);
    field = rest.substr(0, rest.find_first_of(" \n"));
    rest.remove_prefix(field.size());
  }
  facts.cpu_seconds = (number(fields[11]) + number(fields[12])) / units.ticks_per_second;
  facts.virtual_bytes = static_cast<std::uint64_t>(number(fields[20]));
  facts.resident_bytes = static_cast<std::uint64_t>(number(fields[21])) * units.page_bytes;
  constexpr std::string_view boot_word = "btime ";
  const std::size_t boot = system_stat.find(boot_word);
  if (boot != system_stat.npos) {
    const std::string_view text = system_stat.substr(boot + boot_word.size());
    facts.start_seconds = number(text.substr(0, text.find('\n'))) + number(fields[19]) / units.ticks_per_second;
  }
  return facts;
}

ProcessFacts read_process() {
  const ProcessUnits units{static_cast<double>(::sysconf(_SC_CLK_TCK)),
                           static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
  ProcessFacts facts = parse_process(read("/proc/self/stat"), read("/proc/stat"), units);
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++facts.open_descriptors;
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.descriptors_max = limit.rlim_cur;
  return facts;
}

}  // namespace datamesh::telemetry
