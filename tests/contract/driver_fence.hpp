#pragma once
// What every driver of a server that others can reach keeps of its term (controller/core/fence.hpp), as a typed suite
// on the real server. A fixture is one of tests/contract/driver_laws.hpp with
//
//   std::unique_ptr<Driver> driver_of(const Fence& fence);  // one more driver of its server

#include <atomic>
#include <thread>

#include "controller/core/fence.hpp"
#include "tests/contract/driver_laws.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh::laws {

// A term that ends when the test says so.
struct TestFence : Fence {
  TestFence(std::string plane, std::int64_t epoch) : own{std::move(plane), epoch} {}
  Term term() const override { return own; }
  Result<void> may_write() const override {
    if (!over) return {};
    return Error{Code::Cancelled, "the term is over"};
  }
  Term own;
  std::atomic<bool> over = false;
};

}  // namespace datamesh::laws

namespace datamesh {

template <class Fixture>
class DriverFence : public ::testing::Test {
 protected:
  using Driver = typename Fixture::Driver;

  Pass pass(Driver& driver, const mesh::Workload& workload) {
    return converge(driver, driver.desired(workload), Scope::everything(), Guard{}, fixture.clock(), {});
  }
  mesh::Workload some_workload() {
    std::mt19937 random(laws::seed());
    mesh::Workload workload;
    while (workload.ports.size() < 2 || workload.accesses.empty()) workload = laws::random_workload(fixture, random);
    return workload;
  }
  mesh::Workload nothing() const { return {.backend = "laws", .domains = {}, .ports = {}, .accesses = {}, .held = {}}; }
  static bool all_failed(const std::vector<Step>& steps, Code code) {
    return std::ranges::all_of(
        steps, [&](const Step& step) { return step.verb == Verb::Hold || (step.error && step.error->code == code); });
  }

  Fixture fixture;
  laws::TestFence first_term{"cluster/datamesh", 1}, second_term{"cluster/datamesh", 2};
};
TYPED_TEST_SUITE_P(DriverFence);

TYPED_TEST_P(DriverFence, ATermWritesLikeADriverThatIsAlone) {
  const auto driver = this->fixture.driver_of(this->first_term);
  const auto workload = this->some_workload();
  const Pass made = this->pass(*driver, workload);
  ASSERT_FALSE(made.error) << made.error->message;
  EXPECT_TRUE(made.remaining.empty()) << laws::describe(made.remaining);
  const Pass again = this->pass(*driver, workload);
  EXPECT_TRUE(again.steps.empty()) << laws::describe(again.steps);
  // What keeps the terms apart is not part of the mesh.
  const Pass alone = this->pass(this->fixture.driver(), workload);
  EXPECT_TRUE(alone.steps.empty()) << laws::describe(alone.steps);
  EXPECT_EQ(alone.foreign, made.foreign);
}

// The look of the older one may come before the take-over, so that nothing but the write itself can refuse it.
TYPED_TEST_P(DriverFence, AnOlderTermChangesNothingOnceALaterOneHasCome) {
  const auto older = this->fixture.driver_of(this->first_term), later = this->fixture.driver_of(this->second_term);
  const auto workload = this->some_workload();
  ASSERT_FALSE(this->pass(*older, workload).error);
  const auto looked = older->observe(Scope::everything(), {});
  ASSERT_TRUE(looked);
  const auto taken_over = later->reach({});
  ASSERT_TRUE(taken_over) << taken_over.error().message;
  const std::string before = this->fixture.snapshot();

  using D = typename TestFixture::Driver;
  const auto plan = guard(order(diff(older->desired(this->nothing()), *looked), D::rank), Guard{}, D::holds_data);
  ASSERT_FALSE(plan.empty());
  std::vector<Step> steps(plan.size());
  std::vector<Action<typename D::Spec>> actions;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    steps[i].verb = plan[i].verb;
    if (plan[i].verb != Verb::Hold) actions.push_back({&plan[i], &steps[i]});
  }
  older->apply(std::span(actions), {});
  for (const auto& step : steps) EXPECT_TRUE(step.verb == Verb::Hold || step.error);
  EXPECT_EQ(this->fixture.snapshot(), before);

  const Pass pass = this->pass(*older, this->nothing());
  EXPECT_TRUE(pass.error && pass.error->code == Code::Denied);
  const auto reached = older->reach({});
  ASSERT_FALSE(reached);
  EXPECT_EQ(reached.error().code, Code::Denied) << reached.error().message;
  EXPECT_EQ(this->fixture.snapshot(), before);

  const Pass next = this->pass(*later, workload);
  ASSERT_FALSE(next.error) << next.error->message;
  EXPECT_TRUE(next.steps.empty()) << laws::describe(next.steps);
}

TYPED_TEST_P(DriverFence, ATermThatIsOverWritesNothingEvenIfNobodyHasTakenOver) {
  const auto driver = this->fixture.driver_of(this->first_term);
  const auto workload = this->some_workload();
  ASSERT_FALSE(this->pass(*driver, workload).error);
  const std::string before = this->fixture.snapshot();
  this->first_term.over = true;
  const Pass pass = this->pass(*driver, this->nothing());
  EXPECT_FALSE(pass.steps.empty());
  EXPECT_TRUE(this->all_failed(pass.steps, Code::Cancelled)) << laws::describe(pass.steps);
  EXPECT_EQ(this->fixture.snapshot(), before);
}

TYPED_TEST_P(DriverFence, ALaterTermTakesOverInTheMiddleOfAPassAndPutsRightWhatWasLeft) {
  const auto older = this->fixture.driver_of(this->first_term), later = this->fixture.driver_of(this->second_term);
  auto workload = this->some_workload();
  for (int i = 0; i < 60; ++i) {
    mesh::Port port = workload.ports.front();
    port.key.product = port.key.port = "more" + std::to_string(100 + i);
    port.owner.name = port.key.product;
    workload.ports.push_back(std::move(port));
  }
  std::ranges::sort(workload.ports, {}, &mesh::Port::key);
  ASSERT_TRUE(older->reach({}));
  const std::string empty = this->fixture.snapshot();
  std::jthread writing([&] { (void)this->pass(*older, workload); });
  EXPECT_TRUE(test::wait_until([&] { return this->fixture.snapshot() != empty; }, std::chrono::seconds(60)));
  const auto taken_over = later->reach({});
  ASSERT_TRUE(taken_over) << taken_over.error().message;
  if (TypeParam::exact_fence) {
    const std::string then = this->fixture.snapshot();
    writing.join();
    EXPECT_EQ(this->fixture.snapshot(), then) << "something was committed after the take-over";
  } else {
    writing.join();
  }
  const Pass next = this->pass(*later, workload);
  ASSERT_FALSE(next.error) << next.error->message;
  EXPECT_TRUE(next.remaining.empty()) << laws::describe(next.remaining);
}

TYPED_TEST_P(DriverFence, ControlPlanesOfOtherClustersAreNotShutOut) {
  laws::TestFence neighbour("other-cluster/datamesh", 1'000'000);
  const auto ours = this->fixture.driver_of(this->first_term), theirs = this->fixture.driver_of(neighbour);
  ASSERT_TRUE(ours->reach({}));
  ASSERT_TRUE(theirs->reach({}));
  const Pass pass = this->pass(*ours, this->some_workload());
  ASSERT_FALSE(pass.error) << pass.error->message;
  EXPECT_TRUE(pass.remaining.empty()) << laws::describe(pass.remaining);
}

REGISTER_TYPED_TEST_SUITE_P(DriverFence, ATermWritesLikeADriverThatIsAlone,
                            AnOlderTermChangesNothingOnceALaterOneHasCome,
                            ATermThatIsOverWritesNothingEvenIfNobodyHasTakenOver,
                            ALaterTermTakesOverInTheMiddleOfAPassAndPutsRightWhatWasLeft,
                            ControlPlanesOfOtherClustersAreNotShutOut);

}  // namespace datamesh
