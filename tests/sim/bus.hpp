// The bus between the engines of one process, as bad as one between nodes: loses, repeats, delays and reorders.
#pragma once

#include <functional>

#include "chat/bus.hpp"
#include "context.hpp"

namespace madang::sim {

class Bus {
  public:
    using Deliver = std::function<void(EngineIndex to, EngineIndex from, BusMessage message)>;
    Bus(Context& context, Lifetime& lifetime, Deliver deliver) : context_(context), lifetime_(lifetime), deliver_(std::move(deliver)) {}

    void send(EngineIndex from, EngineIndex to, BusMessage message) {
        context_.trace.note("bus", from, to, message.index());
        if (context_.bus_fault(context_.plan.bus_lost)) return;
        if (context_.bus_fault(context_.plan.bus_repeated)) post(from, to, message);
        post(from, to, std::move(message));
    }

  private:
    void post(EngineIndex from, EngineIndex to, BusMessage message) {
        lifetime_.after(context_.latency(context_.plan.bus_max) + context_.stall(),
                        [this, from, to, message = std::move(message)]() mutable { deliver_(to, from, std::move(message)); });
    }

    Context& context_;
    Lifetime& lifetime_;
    Deliver deliver_;
};

}  // namespace madang::sim
