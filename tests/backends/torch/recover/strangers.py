"""Modules as strangers write them: no word of netspec's, every habit of the trade."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from torch import nn


class BasicBlock(nn.Module):
    """Two convolutions and a way past them, as in torchvision."""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample: nn.Module | None = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(inplanes, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        y: torch.Tensor = self.relu(out)
        return y


class Bottleneck(nn.Module):
    """Three convolutions, the last four times as wide."""

    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        width = planes * self.expansion
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or inplanes != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inplanes, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        y: torch.Tensor = self.relu(out)
        return y


class ResNet(nn.Module):
    """A residual network of blocks of one kind."""

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck] = BasicBlock,
        depths: Sequence[int] = (2, 2),
        classes: int = 5,
    ) -> None:
        super().__init__()
        self.inplanes = 8
        self.conv1 = nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 8, depths[0], 1)
        self.layer2 = self._make_layer(block, 16, depths[1], 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(16 * block.expansion, classes)

    def _make_layer(
        self, block: type[BasicBlock | Bottleneck], planes: int, depth: int, stride: int
    ) -> nn.Sequential:
        layers: list[nn.Module] = []
        for i in range(depth):
            layers.append(block(self.inplanes, planes, stride if i == 0 else 1))
            self.inplanes = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        y: torch.Tensor = self.fc(x)
        return y


class DoubleConv(nn.Module):
    """What every U-Net is made of."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(entering, leaving, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(leaving),
            nn.ReLU(inplace=True),
            nn.Conv2d(leaving, leaving, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(leaving),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.double_conv(x)
        return y


class UNet(nn.Module):
    """Down by pools, up by `how`, with what was seen on the way down beside it."""

    def __init__(self, how: str = "interpolate") -> None:
        super().__init__()
        self.how = how
        self.inc = DoubleConv(1, 8)
        self.down1 = DoubleConv(8, 16)
        self.down2 = DoubleConv(16, 32)
        self.ups = nn.ModuleList(
            [nn.ConvTranspose2d(32, 16, 2, stride=2), nn.ConvTranspose2d(16, 8, 2, stride=2)]
        )
        self.squeeze = nn.ModuleList([nn.Conv2d(32, 16, 1), nn.Conv2d(16, 8, 1)])
        self.up1 = DoubleConv(32, 16)
        self.up2 = DoubleConv(16, 8)
        self.outc = nn.Conv2d(8, 2, 1)

    def _up(self, i: int, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        if self.how == "interpolate":
            x = F.interpolate(self.squeeze[i](x), size=skip.shape[2:], mode="bilinear", align_corners=True)
        elif self.how == "pad":
            x = self.ups[i](x)
            dy, dx = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
            x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        else:
            x = F.interpolate(self.squeeze[i](x), scale_factor=2.0)
        return torch.cat([skip, x], dim=1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        x1 = self.inc(x)
        x2 = self.down1(F.max_pool2d(x1, 2))
        x3 = self.down2(F.max_pool2d(x2, 2))
        x = self.up1(self._up(0, x3, x2))
        x = self.up2(self._up(1, x, x1))
        return {"logits": self.outc(x), "Bottom": x3.mean(dim=(2, 3))}


class LeNet(nn.Module):
    """Of the first tutorial: functions, dropout in training, a view."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(x.size(0), -1)
        x = F.relu_(self.fc1(x))
        if self.training:
            x = F.dropout(x, p=0.25)
        return F.log_softmax(self.fc2(x), dim=1)


class Normalised(nn.Module):
    """Pixels brought to a scale by numbers that the module holds, and a formula at the end."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.body = nn.Conv2d(3, 4, 3)
        self.scale = nn.Parameter(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        self.shift = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - self.mean) / self.std
        x = self.body(x).mean((-2, -1))
        y: torch.Tensor = 70 + 40 * (x * self.scale) + self.shift - x**2 / 3
        return y


class Gate(nn.Module):
    """Squeeze and excite, with linear layers and a view."""

    def __init__(self, channel: int, reduction: int = 4) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channel, channel // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channel // reduction, channel, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        z: torch.Tensor = x * y.expand_as(x)
        return z


class Gated(nn.Module):
    """Groups, gates, a loop over a list, and a branch by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.GroupNorm(4, 16)
        self.blocks = nn.ModuleList([nn.Conv2d(16, 16, 3, padding=1, groups=4) for _ in range(3)])
        self.gates = nn.ModuleList([Gate(16) for _ in range(3)])
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.silu(self.norm(self.stem(x)))
        for block, gate in zip(self.blocks, self.gates, strict=True):
            x = x + gate(F.gelu(block(x)))
        y: torch.Tensor = self.head(F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1))
        return y


class Shuffle(nn.Module):
    """A channel shuffle written out, halves that part and meet again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1, groups=8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = x.chunk(2, dim=1)
        x = torch.cat((left, self.conv(torch.cat((right, left), 1))[:, :4]), dim=1)
        n, c, h, w = x.size()
        x = x.view(n, 2, c // 2, h, w)
        x = torch.transpose(x, 1, 2).contiguous()
        return x.view(n, -1, h, w)


class Attention(nn.Module):
    """A picture as places that attend to one another."""

    def __init__(self, *, batch_first: bool = True) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.patch = nn.Conv2d(3, 16, 4, stride=4)
        self.position = nn.Parameter(torch.randn(1, 16, 16) * 0.1)
        self.norm = nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 4, dropout=0.1, batch_first=batch_first)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Dropout(0.2), nn.Linear(32, 16))
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2) + self.position
        y = self.norm(x)
        if not self.batch_first:
            y = y.transpose(0, 1)
        y, _ = self.attention(y, y, y, need_weights=False)
        x = x + (y if self.batch_first else y.transpose(0, 1))
        x = x + self.mlp(self.norm(x))
        z: torch.Tensor = self.head(x.mean(dim=1))
        return z


class Heads(nn.Module):
    """Attention written out by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(12, 36)
        self.proj = nn.Linear(12, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, 3, c // 3).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        attn = (q @ k.transpose(-2, -1)) * 0.5
        attn = attn.softmax(dim=-1)
        y: torch.Tensor = self.proj((attn @ v).transpose(1, 2).reshape(b, n, c))
        return y


class ConvNeXtBlock(nn.Module):
    """Channels last in the middle, a learned scale, a branch left out by chance."""

    def __init__(self, dim: int = 8, drop: float = 0.3) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, 4 * dim)
        self.pwconv2 = nn.Linear(4 * dim, dim)
        self.gamma = nn.Parameter(0.1 * torch.ones(dim))
        self.drop = drop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x
        x = self.dwconv(x)
        x = x.permute(0, 2, 3, 1)
        x = self.pwconv2(F.gelu(self.pwconv1(self.norm(x))))
        x = self.gamma * x
        x = x.permute(0, 3, 1, 2)
        if self.drop > 0.0 and self.training:
            keep = 1 - self.drop
            mask = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep)
            x = x * mask.div_(keep)
        return shortcut + x


class Line(nn.Module):
    """Along one axis."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(2, 8, 5, padding="same"),
            nn.BatchNorm1d(8),
            nn.LeakyReLU(0.1),
            nn.MaxPool1d(2),
            nn.Conv1d(8, 8, 3, stride=2, padding=1, padding_mode="circular"),
            nn.PReLU(8),
            nn.InstanceNorm1d(8, affine=True),
            nn.AvgPool1d(2),
            nn.Flatten(),
            nn.Linear(32, 4),
            nn.Hardswish(),
        )

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.net(signal)
        return y


class Volume(nn.Module):
    """In three dimensions, of two inputs, with two results."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 4, (1, 3, 3), padding=(0, 1, 1))
        self.up = nn.Upsample(scale_factor=2, mode="trilinear", align_corners=False)
        self.mix = nn.Linear(6, 2)

    def forward(self, scan: torch.Tensor, age: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = F.elu(self.conv(scan), alpha=0.5)
        x = self.up(F.avg_pool3d(x, 2))
        seen = torch.cat([x.amax((2, 3, 4)), age], dim=-1)
        return self.mix(seen), x.clamp(min=0).sqrt()


class Siamese(nn.Module):
    """One trunk that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        a, b = self.trunk(left), self.trunk(right)
        return F.cosine_similarity(a.flatten(1), b.flatten(1))


class Standardised(nn.Conv2d):
    """A convolution whose filters are standardised in use, as in timm."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = F.batch_norm(
            self.weight.reshape(1, self.out_channels, -1), None, None, training=True, momentum=0.0, eps=1e-6
        ).reshape_as(self.weight)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Tempered(nn.Module):
    """A number that is learned by its logarithm, as in CLIP."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.log_scale = nn.Parameter(torch.tensor([0.3]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.fc(x) * self.log_scale.exp()
        return y


class Odds(nn.Module):
    """What else one meets."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = Standardised(3, 6, 3)
        self.lrn = nn.LocalResponseNorm(3)
        self.lp = nn.LPPool2d(2, 2)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)
        self.bilinear = nn.Parameter(torch.randn(6, 5))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = self.lrn(self.conv(x))
        small, where = self.pool(x)
        back = self.unpool(small, where, output_size=x.size())
        y = F.pad(back, (1, 2, 0, 1), mode="reflect")
        y = torch.where(y > 0.1, y, torch.zeros_like(y))
        y = y.masked_fill(y > 2, 1.5)
        z = F.softmin(self.lp(x), dim=1)
        flat = F.normalize(z.flatten(2).mean(-1), dim=1) @ self.bilinear
        spread = z.std(dim=(2, 3)) + z.var((2, 3), unbiased=False)
        top = x.max(dim=1)[0]
        return [F.softsign(y), F.tanhshrink(flat), spread.flip(1), torch.stack([top, top.roll(1, 1)], dim=1)]


Made = tuple[Callable[[], nn.Module], list[tuple[int | str, ...]]]

KNOWN: dict[str, Made] = {
    "resnet of basic blocks": (ResNet, [(3, 32, 32)]),
    "resnet of bottlenecks": (lambda: ResNet(Bottleneck, (1, 3)), [(3, 32, 32)]),
    "resnet of any size": (ResNet, [(3, "H", "W")]),
    "u-net that interpolates": (UNet, [(1, 32, 32)]),
    "u-net that interpolates, of any size": (UNet, [(1, "H", "W")]),
    "u-net that pads, of any size": (lambda: UNet("pad"), [(1, "H", "W")]),
    "u-net that doubles": (lambda: UNet("double"), [(1, 16, 32)]),
    "lenet": (LeNet, [(1, 28, 28)]),
    "pixels normalised by buffers": (Normalised, [(3, 8, 8)]),
    "gates and groups": (Gated, [(3, 12, 12)]),
    "channel shuffle": (Shuffle, [(8, 6, 6)]),
    "attention": (Attention, [(3, 16, 16)]),
    "attention of places first": (lambda: Attention(batch_first=False), [(3, 16, 16)]),
    "attention by hand": (Heads, [(5, 12)]),
    "convnext block": (ConvNeXtBlock, [(8, 9, 9)]),
    "one axis": (Line, [(2, 32)]),
    "three axes, two inputs": (Volume, [(1, 4, 8, 8), (2,)]),
    "a trunk used twice": (Siamese, [(1, 8, 8), (1, 8, 8)]),
    "a learned logarithm": (Tempered, [(4,)]),
    "odds and ends": (Odds, [(3, 14, 14)]),
}
"""How each is made, and the shapes of its inputs."""
