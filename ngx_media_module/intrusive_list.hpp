#pragma once

#include <cstddef>

namespace media::nginx {

/// Embedded in what can be an element of an IntrusiveList.
struct ListHook {
  ListHook* previous = nullptr;
  ListHook* next = nullptr;
  bool is_linked() const { return next != nullptr; }
};

/// Doubly linked list of elements that live elsewhere: no allocation, removal
/// in constant time. `Hook` derives from ListHook and is a base of T.
template <class T, class Hook>
class IntrusiveList {
 public:
  IntrusiveList() { head_.previous = head_.next = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return head_.next == &head_; }
  std::size_t size() const { return size_; }
  T& front() { return element(head_.next); }

  void push_back(T& item) {
    ListHook& hook = static_cast<Hook&>(item);
    hook.previous = head_.previous;
    hook.next = &head_;
    head_.previous->next = &hook;
    head_.previous = &hook;
    ++size_;
  }

  T& pop_front() {
    T& item = front();
    remove(item);
    return item;
  }

  /// `visit` may not change the list.
  template <class Visit>
  void for_each(Visit visit) {
    for (ListHook* hook = head_.next; hook != &head_; hook = hook->next) visit(element(hook));
  }

  void remove(T& item) {
    ListHook& hook = static_cast<Hook&>(item);
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what is in a list has neighbours
    hook.previous->next = hook.next;
    hook.next->previous = hook.previous;
    hook.previous = hook.next = nullptr;
    --size_;
  }

 private:
  static T& element(ListHook* hook) { return static_cast<T&>(static_cast<Hook&>(*hook)); }

  ListHook head_;
  std::size_t size_ = 0;
};

}  // namespace media::nginx
