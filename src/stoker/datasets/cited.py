"""Where public sources state the checksums and sizes of data sets."""

from __future__ import annotations

__all__ = ["HUGGING_FACE", "TENSORFLOW_DATASETS", "TORCHTEXT", "TORCHTEXT_PARSER", "TORCHVISION"]

HUGGING_FACE = "huggingface/datasets, datasets/{}/dataset_infos.json"
TENSORFLOW_DATASETS = "tensorflow/datasets, tensorflow_datasets/{}"
TORCHTEXT = "pytorch/text, torchtext/datasets/{}.py"
TORCHVISION = "pytorch/vision, torchvision/datasets/mnist.py"
TORCHTEXT_PARSER = "vaseline555/Federated-Learning-in-PyTorch, src/datasets/torchtextparser.py"
