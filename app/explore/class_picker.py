"""Which class a picture is of: by name where the names are known, by number otherwise."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QHBoxLayout, QLabel, QWidget

from app.widgets.number_field import NumberField


class ClassPicker(QWidget):
    """A list of names in which one can search by typing; or a number field that says how far the numbers go.

    `changed(number)` comes when a person chose another class; `set_value` changes it without a signal.
    """

    changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = self.tr("Class: what kind of thing the picture shows")
        self._value = 0
        self.number = NumberField("class", title, 0, 0)
        self.number.changed.connect(lambda number: self._chosen(int(number)))
        self.range = QLabel()
        self.names = QComboBox()
        self.names.setObjectName("class-names")
        self.names.setAccessibleName(title)
        self.names.setEditable(True)
        self.names.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.names.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.names.setMinimumContentsLength(12)
        completer = self.names.completer() or QCompleter(self.names)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.names.setCompleter(completer)
        self.names.activated.connect(self._chosen)
        line = self.names.lineEdit()
        if line is not None:
            line.setAcceptDrops(False)  # a dropped file is for the window
            line.editingFinished.connect(self._typed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel(self.tr("Class")))
        row.addWidget(self.names, 1)
        row.addWidget(self.number)
        row.addWidget(self.range)
        self.hide()

    def set_classes(self, count: int, names: tuple[str, ...]) -> None:
        """Offer the classes of a model: by `names` where there is one for each. A model without classes hides the picker."""
        named = count > 0 and len(names) == count
        self.names.blockSignals(True)
        self.names.clear()
        self.names.addItems(list(names) if named else [])
        self.names.blockSignals(False)
        self.number.set_range(0, max(count - 1, 0))
        self.range.setText(self.tr("0 to {last}").format(last=count - 1))
        self.names.setVisible(named)
        self.number.setVisible(not named)
        self.range.setVisible(not named)
        self.setVisible(count > 0)
        self.set_value(self._value)

    def value(self) -> int:
        """Number of the class that is shown."""
        return self._value

    def set_value(self, number: int) -> None:
        """Show a class; no signal comes back."""
        self.number.set_value(number)
        self._value = int(self.number.value())
        if self.names.count():
            self.names.setCurrentIndex(self._value)

    def _typed(self) -> None:
        """Take what was typed where it is a name; else put the old one back."""
        found = self.names.findText(self.names.currentText().strip(), Qt.MatchFlag.MatchFixedString)
        if found >= 0:
            self._chosen(found)
        else:
            self.names.setCurrentIndex(self._value)

    def _chosen(self, number: int) -> None:
        if number != self._value:
            self.set_value(number)
            self.changed.emit(number)
