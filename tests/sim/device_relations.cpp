// People ask, accept, refuse, remove, block and lift blocks.
#include <array>

#include "check.hpp"
#include "device.hpp"

namespace madang::sim {

void Device::change_relation() {
    const auto* peer = some_peer();
    if (context_.dice.chance(0.02)) peer = &person_;
    if (!peer) return;
    static constexpr std::array acts{RelationAct::befriend, RelationAct::befriend, RelationAct::unfriend,
                                     RelationAct::block,    RelationAct::unblock,  RelationAct::unblock};
    const auto user = context_.dice.chance(0.02) ? kGhost : peer->id;
    const ChangeRelation change{actor(), user, acts.at(context_.dice.below(acts.size()))};
    const bool again = context_.dice.chance(0.15);
    if (again) ask(change);
    ask(change);
}

void Device::read_relations() {
    const auto limit = static_cast<std::uint32_t>(context_.dice.between(1, 3));
    const bool blocks = context_.dice.chance(0.5);
    ask(ListRelations{actor(), blocks, limit, {}}, [limit](const Answer& answer) {
        if (!answer || !*answer) return;
        const auto& page = std::get<RelationPage>(**answer);
        expect(page.people.size() <= limit, "a list of friends is longer than asked for");
        expect(!page.next || (!page.people.empty() && page.people.back().user.id == *page.next), "a list of friends goes on elsewhere");
        UserId last;
        for (const auto& each : page.people) {
            expect(each.user.id > last, "a list of friends is out of order");
            last = each.user.id;
        }
    });
}

}  // namespace madang::sim
