"""The worked numbers of the chapter on weights and stores, computed again."""

import math

from tests.guide.chapters import says

CHAPTER = "knowledge_store.md"


def test_ranking_measures_of_two_gold_passages_at_ranks_two_and_four() -> None:
    gold, heading = (2, 4), "How to measure retrieval"
    gains = sum(1 / math.log2(rank + 1) for rank in gold)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, len(gold) + 1))
    assert says(CHAPTER, heading, gains, 3)
    assert says(CHAPTER, heading, best, 3)
    assert says(CHAPTER, heading, gains / best, 3)
    assert says(CHAPTER, heading, 1 / min(gold), 1)
    assert says(CHAPTER, heading, sum(rank <= 3 for rank in gold) / len(gold), 1)
    assert says(CHAPTER, heading, sum(1 / rank for rank in (1, 2, 4)) / 3, 3)


def test_confidence_that_ranks_five_of_six_pairs_right() -> None:
    right, wrong, heading = (0.9, 0.8, 0.6), (0.7, 0.3), "Confidence and declining"
    auroc = sum(good > bad for good in right for bad in wrong) / (len(right) * len(wrong))
    assert says(CHAPTER, heading, auroc, 3)
    everything = [(value, True) for value in right] + [(value, False) for value in wrong]
    given = [good for value, good in everything if value >= 0.5]
    assert says(CHAPTER, heading, len(given) / len(everything), 1)
    assert says(CHAPTER, heading, given.count(False) / len(given), 2)


def test_sizes_of_a_passage_for_late_interaction_and_for_one_vector() -> None:
    heading = "Bi-encoders, cross-encoders and late interaction"
    assert says(CHAPTER, heading, 200 * 128 * 2, 0)
    assert says(CHAPTER, heading, 384 * 4, 0)
    assert says(CHAPTER, heading, 50 * 4, 0)


def test_the_parameters_of_a_model_of_gpt_3_size() -> None:
    width, layers, tokens, positions, heading = 12288, 96, 50257, 2048, "What billions of parameters mean"
    layer = (4 * width**2 + 4 * width) + (8 * width**2 + 5 * width) + 4 * width
    assert layer == 12 * width**2 + 13 * width
    assert says(CHAPTER, heading, layers * layer, 0)
    assert says(CHAPTER, heading, tokens * width, 0)
    total = layers * layer + (tokens + positions) * width + 2 * width
    assert says(CHAPTER, heading, total, 0)
    assert says(CHAPTER, "Bytes of a GPT-3-sized model", total * 2 / 1e9, 1)


def test_the_comparisons_of_an_inverted_file_index() -> None:
    vectors, lists, probed, heading = 1_000_000, 4096, 16, "Inverted file lists (IVF)"
    assert says(CHAPTER, heading, math.sqrt(probed * vectors), 0)
    assert says(CHAPTER, heading, lists + probed * vectors // lists, 0)


def test_the_gradient_that_writes_paris_into_the_toy_model() -> None:
    exponentials = {"capital": 16.518, "France": 1.216, "Paris": 224.368, "Rome": 0.090}
    heading = "Step 4: logits and softmax"
    for value in exponentials.values():
        assert says(CHAPTER, heading, value / sum(exponentials.values()), 3)
